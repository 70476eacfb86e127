/** What the viewer may do with the ticket now: one button each, and a form where more must be said. */
import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { useAction } from '../api/action';
import {
  AcceptTicketDocument,
  AssigneesDocument,
  AssignTicketDocument,
  AttributeTicketDocument,
  CancelTicketDocument,
  ChaseTicketDocument,
  CloseTicketDocument,
  ReopenTicketDocument,
  ResolveTicketDocument,
  ResumeTicketDocument,
  SetWaitingDocument,
  type PageFragment,
  type TicketAction,
} from '../gql';
import { useLanguage } from '../i18n';
import { Refusals } from '../shell/ErrorNote';
import { AttributionForm } from './Attribution';

const SHOWN = [
  'ACCEPT',
  'ASSIGN',
  'RESOLVE',
  'SET_WAITING',
  'RESUME',
  'ATTRIBUTE',
  'CLOSE',
  'REOPEN',
  'CHASE',
  'CANCEL',
] as const satisfies TicketAction[];
type Shown = (typeof SHOWN)[number];
/** What is done at once; the others open a form. */
const AT_ONCE: readonly Shown[] = ['ACCEPT', 'RESUME', 'CLOSE', 'CHASE'];
const MAIN: readonly Shown[] = ['ACCEPT', 'RESOLVE'];

interface Props {
  page: PageFragment;
  onChange: (page: PageFragment) => void;
}

type Answer = { ticket: PageFragment | null };

export function Actions({ page, onChange }: Props) {
  const [, t] = useLanguage();
  const [open, setOpen] = useState<Shown | null>(null);
  const accept = useAction(AcceptTicketDocument);
  const resume = useAction(ResumeTicketDocument);
  const close = useAction(CloseTicketDocument);
  const chase = useAction(ChaseTicketDocument);
  const resolve = useAction(ResolveTicketDocument);
  const attribute = useAction(AttributeTicketDocument);
  const atOnce = { ACCEPT: accept, RESUME: resume, CLOSE: close };

  const ticketId = page.id;
  const expectedVersion = page.version;
  const took = (answer: Answer | null) => {
    if (!answer?.ticket) return;
    onChange(answer.ticket);
    setOpen(null);
  };
  const press = async (action: Shown) => {
    setOpen(AT_ONCE.includes(action) || open === action ? null : action);
    if (action === 'CHASE') took(await chase.run({ ticketId }));
    if (action === 'ACCEPT' || action === 'RESUME' || action === 'CLOSE') {
      took(await atOnce[action].run({ ticketId, expectedVersion }));
    }
  };
  const allowed = SHOWN.filter((action) => page.allowedActions.includes(action));
  const shown = open && allowed.includes(open) ? open : null;
  if (allowed.length === 0) return null;

  return (
    <section className="actions">
      <div className="line">
        {allowed.map((action) => (
          <button
            key={action}
            type="button"
            data-testid={`action-${action}`}
            className={MAIN.includes(action) ? 'primary' : ''}
            aria-expanded={AT_ONCE.includes(action) ? undefined : shown === action}
            disabled={accept.busy || resume.busy || close.busy || chase.busy}
            onClick={() => void press(action)}
          >
            {t(`action.${action}`)}
          </button>
        ))}
      </div>
      {[accept, resume, close, chase].map((action, place) => (
        <Refusals key={place} action={action} />
      ))}
      {(shown === 'RESOLVE' || shown === 'ATTRIBUTE') && (
        <AttributionForm
          initial={page.attribution}
          verb={t(`action.${shown}`)}
          action={shown === 'RESOLVE' ? resolve : attribute}
          onCancel={() => setOpen(null)}
          onSubmit={(attribution) =>
            void (shown === 'RESOLVE' ? resolve : attribute).run({ ticketId, expectedVersion, attribution }).then(took)
          }
        />
      )}
      {shown === 'ASSIGN' && <AssignForm page={page} took={took} onCancel={() => setOpen(null)} />}
      {(shown === 'SET_WAITING' || shown === 'REOPEN' || shown === 'CANCEL') && (
        <ReasonForm key={shown} what={shown} page={page} took={took} onCancel={() => setOpen(null)} />
      )}
    </section>
  );
}

interface FormProps {
  page: PageFragment;
  took: (answer: Answer | null) => void;
  onCancel: () => void;
}

const REASONED = { SET_WAITING: SetWaitingDocument, REOPEN: ReopenTicketDocument, CANCEL: CancelTicketDocument };

function ReasonForm({ what, page, took, onCancel }: FormProps & { what: keyof typeof REASONED }) {
  const [, t] = useLanguage();
  const action = useAction(REASONED[what]);
  const [reason, setReason] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void action.run({ ticketId: page.id, expectedVersion: page.version, reason }).then(took);
  };
  return (
    <form className="panel" onSubmit={submit}>
      <label>
        {t(`action.reason.${what}`)}
        <textarea required rows={2} maxLength={2_000} value={reason} onChange={(e) => setReason(e.target.value)} />
      </label>
      <Refusals action={action} />
      <div className="line">
        <button type="submit" className="primary" disabled={action.busy}>
          {t(`action.${what}`)}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}

const MAY_HAVE = ['AGENT', 'SUPERVISOR', 'ADMIN'];

function AssignForm({ page, took, onCancel }: FormProps) {
  const [, t] = useLanguage();
  const action = useAction(AssignTicketDocument);
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState('');
  const [{ data }] = useQuery({ query: AssigneesDocument, variables: { teamId: page.team?.id, text: text || null } });
  const people = (data?.users.nodes ?? []).filter(
    (person) => person.id !== page.assignee?.id && person.roles.some((role) => MAY_HAVE.includes(role)),
  );
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void action.run({ ticketId: page.id, expectedVersion: page.version, assigneeId: chosen }).then(took);
  };
  return (
    <form className="panel" onSubmit={submit}>
      <label>
        {t('action.assignTo')}
        <input type="search" maxLength={100} value={text} onChange={(e) => setText(e.target.value)} />
      </label>
      <fieldset className="people">
        {people.map((person) => (
          <label key={person.id} className="check">
            <input type="radio" name="assignee" required checked={chosen === person.id} onChange={() => setChosen(person.id)} />
            {person.name} <span className="quiet">{[person.team?.name, ...person.skills].filter(Boolean).join(' · ')}</span>
          </label>
        ))}
      </fieldset>
      <Refusals action={action} />
      <div className="line">
        <button type="submit" className="primary" disabled={action.busy || chosen === ''}>
          {t('action.ASSIGN')}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}
