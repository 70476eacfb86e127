import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { useLocation } from 'wouter';
import { useAction } from '../api/action';
import { useCatalogue } from '../api/catalogue';
import { isStaff } from '../api/roles';
import type { Session } from '../api/session';
import { CreateTicketDocument, CustomersDocument, SimilarToTextDocument, type Priority } from '../gql';
import { useLanguage } from '../i18n';
import { useDebounced } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';
import { SimilarCases } from '../ticket/SimilarCases';

const PRIORITIES: Priority[] = ['URGENT', 'HIGH', 'NORMAL', 'LOW'];
/** Similar cases are searched when the user has not typed for this time. */
const DEBOUNCE_MS = 250;

export function NewTicket({ viewer }: { viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const [, navigate] = useLocation();
  const staff = isStaff(viewer);
  const { issueTypes, products } = useCatalogue();
  const [title, setTitle] = useState('');
  const [description, setDescription] = useState('');
  const [priority, setPriority] = useState<Priority>('NORMAL');
  const [issueType, setIssueType] = useState('');
  const [product, setProduct] = useState('');
  const [device, setDevice] = useState('');
  const [customerKey, setCustomerKey] = useState('');
  const [requesterEmail, setRequesterEmail] = useState('');
  const [{ data: customers }] = useQuery({ query: CustomersDocument, pause: !staff });
  const action = useAction(CreateTicketDocument);

  const debouncedText = useDebounced(JSON.stringify({ title, description, issueType, product }), DEBOUNCE_MS);
  const input = JSON.parse(debouncedText) as Record<'title' | 'description' | 'issueType' | 'product', string>;
  const [{ data: similar }] = useQuery({
    query: SimilarToTextDocument,
    variables: {
      input: { title: input.title, description: input.description, issueType: input.issueType || null, product: input.product || null },
    },
    pause: input.title.trim() === '',
  });

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const answer = await action.run({
      title,
      description,
      priority,
      issueType: issueType || null,
      product: product || null,
      device: device.trim() || null,
      customerKey: customerKey || null,
      requesterEmail: requesterEmail || null,
    });
    if (answer?.ticket) navigate(`/tickets/${answer.ticket.number}`);
  };
  const toOptions = (catalogueEntries: readonly { key: string; name: string; archived: boolean }[]) => [
    <option key="" value="">
      {t('new.none')}
    </option>,
    ...catalogueEntries
      .filter((entry) => !entry.archived)
      .map(({ key, name }) => (
        <option key={key} value={key}>
          {name}
        </option>
      )),
  ];

  return (
    <div className="ticket">
      <form className="body" onSubmit={(event) => void submit(event)}>
        <h1>{t('new.title')}</h1>
        <label>
          {t('new.subject')}
          <input required maxLength={200} value={title} data-testid="new-title" onChange={(e) => setTitle(e.target.value)} />
        </label>
        <label>
          {t('new.description')}
          <textarea
            required
            rows={8}
            maxLength={20_000}
            value={description}
            data-testid="new-description"
            onChange={(e) => setDescription(e.target.value)}
          />
        </label>
        <div className="fields">
          <label>
            {t('new.issueType')}
            <select value={issueType} onChange={(e) => setIssueType(e.target.value)}>
              {toOptions(issueTypes)}
            </select>
          </label>
          <label>
            {t('new.product')}
            <select value={product} onChange={(e) => setProduct(e.target.value)}>
              {toOptions(products)}
            </select>
          </label>
          <label>
            {t('new.device')}
            <input value={device} maxLength={64} onChange={(e) => setDevice(e.target.value)} />
          </label>
          <label>
            {t('priority')}
            <select value={priority} onChange={(e) => setPriority(e.target.value as Priority)}>
              {PRIORITIES.map((key) => (
                <option key={key} value={key}>
                  {t(`priority.${key}`)}
                </option>
              ))}
            </select>
          </label>
        </div>
        {staff && (
          <div className="fields">
            <label>
              {t('new.customer')}
              <select value={customerKey} onChange={(e) => setCustomerKey(e.target.value)}>
                {toOptions((customers?.customers.nodes ?? []).map(({ key, name }) => ({ key, name, archived: false })))}
              </select>
            </label>
            <label>
              {t('new.requester')}
              <input type="email" maxLength={254} value={requesterEmail} onChange={(e) => setRequesterEmail(e.target.value)} />
            </label>
          </div>
        )}
        <FormErrors action={action} />
        <button type="submit" className="primary" disabled={action.busy} data-testid="new-submit">
          {t('new.submit')}
        </button>
      </form>
      <aside>
        <SimilarCases
          cases={input.title.trim() === '' ? [] : (similar?.similarCases ?? [])}
          empty={input.title.trim() === '' || !similar ? t('similar.hint') : t('similar.none')}
        />
      </aside>
    </div>
  );
}
