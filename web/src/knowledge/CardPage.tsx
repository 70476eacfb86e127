import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useAction } from '../api/action';
import { EditCardDocument, KnowledgeCardDocument, PublishCardDocument, RetireCardDocument, ReviewCardDocument, type CardDetailsFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { ErrorNote, FormErrors } from '../shell/ErrorNote';
import { NotFound } from '../shell/NotFound';
import { CardReliability } from './Knowledge';

/** A knowledge card: its text, its cases and its actions. */
export function CardPage({ id, staff }: { id: string; staff: boolean }) {
  const [, t] = useLanguage();
  const [{ data, error }, refetch] = useQuery({ query: KnowledgeCardDocument, variables: { id } });
  const [updatedCard, setUpdatedCard] = useState<CardDetailsFragment | null>(null);
  if (error?.graphQLErrors.some(({ extensions }) => extensions['code'] === 'NOT_FOUND')) return <NotFound />;
  if (error) return <ErrorNote error={error} onRetry={() => refetch({ requestPolicy: 'network-only' })} />;
  const loaded = (data?.node ?? null) as CardDetailsFragment | null;
  const card = updatedCard ?? (loaded && 'title' in loaded ? loaded : null);
  if (!card) return <p className="quiet">{t('loading')}</p>;
  return <CardDetails key={card.version} card={card} staff={staff} onChange={setUpdatedCard} />;
}

interface Props {
  card: CardDetailsFragment;
  staff: boolean;
  onChange: (card: CardDetailsFragment) => void;
}

function CardDetails({ card, staff, onChange }: Props) {
  const [lang, t] = useLanguage();
  const [editing, setEditing] = useState(false);
  const review = useAction(ReviewCardDocument);
  const publish = useAction(PublishCardDocument);
  const retire = useAction(RetireCardDocument);
  const applyAnswer = (answer: { card: CardDetailsFragment | null } | null) => answer?.card && onChange(answer.card);
  const versioned = { cardId: card.id, expectedVersion: card.version };
  const isUnpublished = card.state === 'DRAFT' || card.state === 'REVIEWED';
  const busy = review.busy || publish.busy || retire.busy;
  const reviewSteps = [
    [t('card.reviewed'), card.reviewedBy?.name, card.reviewedAt],
    [t('card.published'), card.publishedBy?.name, card.publishedAt],
  ] as const;
  return (
    <article className="ticket one-column" data-testid="card-page">
      <div className="body">
        <header>
          <p className="line">
            <span className={`badge card-state ${card.state}`} data-testid="card-state" data-state={card.state}>
              {t(`card.state.${card.state}`)}
            </span>
            <span className="quiet">{t('card.version', { version: card.version })}</span>
            <Link href="/knowledge">{t('nav.knowledge')}</Link>
          </p>
          <h1>{card.title}</h1>
          <p className="quiet">{card.appliesTo}</p>
        </header>
        {card.withheld && (
          <p role="status" data-testid="card-withheld">
            {t('card.withheld')}
          </p>
        )}
        {editing ? (
          <CardEditor card={card} onChange={(next) => (setEditing(false), onChange(next))} onCancel={() => setEditing(false)} />
        ) : (
          <p className="text description">{card.solution}</p>
        )}
        <CardReliability card={card} />
        <p className="quiet">
          {reviewSteps.map(([stepLabel, who, at]) => (who && at ? `${stepLabel}: ${who} · ${formatDateTime(at, lang)}` : null)).filter(Boolean).join(' — ')}
        </p>
        <section className="actions">
          <div className="line">
            {card.manageable && card.state !== 'PUBLISHED' && (
              <button type="button" className="primary" disabled={busy} onClick={() => void publish.run(versioned).then(applyAnswer)} data-testid="card-publish">
                {t('card.publish')}
              </button>
            )}
            {card.manageable && card.state === 'DRAFT' && (
              <button type="button" disabled={busy} onClick={() => void review.run(versioned).then(applyAnswer)} data-testid="card-review">
                {t('card.review')}
              </button>
            )}
            {(card.manageable || (staff && isUnpublished)) && (
              <button type="button" aria-expanded={editing} onClick={() => setEditing(!editing)} data-testid="card-edit">
                {t('card.edit')}
              </button>
            )}
            {card.manageable && card.state !== 'RETIRED' && (
              <button type="button" disabled={busy} onClick={() => void retire.run({ cardId: card.id }).then(applyAnswer)}>
                {t('card.retire')}
              </button>
            )}
          </div>
          {[review, publish, retire].map((action, index) => (
            <FormErrors key={index} action={action} />
          ))}
        </section>
        <section>
          <h2>{t('card.caseList')}</h2>
          <table>
            <tbody>
              {card.cases.nodes.map(({ ticket, title, resolution, handler, resolvedAt, isCounted }) => (
                <tr key={ticket?.number ?? title} className={isCounted ? '' : 'not-counted'}>
                  <td className="number">{ticket && <Link href={`/tickets/${ticket.number}`}>#{ticket.number}</Link>}</td>
                  <td>
                    {title}
                    <p className="quiet text">{resolution}</p>
                  </td>
                  <td className="quiet">
                    {handler.name} · {formatDateTime(resolvedAt, lang)}
                    {!isCounted && <span className="badge">{t('card.case.excluded')}</span>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        {card.versions.length > 1 && (
          <details>
            <summary>{t('card.versions')}</summary>
            <ol>
              {card.versions.map(({ version, title, solution, at, by }) => (
                <li key={version} value={version}>
                  <strong>{title}</strong> <span className="quiet">{`${by?.name ?? t('app.name')} · ${formatDateTime(at, lang)}`}</span>
                  <p className="text">{solution}</p>
                </li>
              ))}
            </ol>
          </details>
        )}
      </div>
    </article>
  );
}

function CardEditor({ card, onChange, onCancel }: { card: CardDetailsFragment; onChange: (card: CardDetailsFragment) => void; onCancel: () => void }) {
  const [, t] = useLanguage();
  const action = useAction(EditCardDocument);
  const [title, setTitle] = useState(card.title);
  const [appliesTo, setAppliesTo] = useState(card.appliesTo);
  const [solution, setSolution] = useState(card.solution);
  const [ownWords, setOwnWords] = useState(false);
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    // An unchanged scope is not sent, so that the server keeps generating it in the reader's language.
    const applies = appliesTo === card.appliesTo ? {} : { appliesTo };
    const answer = await action.run({ cardId: card.id, expectedVersion: card.version, title, solution, ownWords, ...applies });
    if (answer?.card) onChange(answer.card);
  };
  return (
    <form className="panel" onSubmit={(event) => void save(event)}>
      <label>
        {t('card.title')}
        <input required maxLength={200} value={title} onChange={(e) => setTitle(e.target.value)} data-testid="card-title" />
      </label>
      <label>
        {t('card.appliesTo')}
        <input maxLength={500} value={appliesTo} onChange={(e) => setAppliesTo(e.target.value)} />
      </label>
      <label>
        {t('card.solution')}
        <textarea required rows={6} maxLength={20_000} value={solution} onChange={(e) => setSolution(e.target.value)} data-testid="card-solution" />
      </label>
      {card.withheld && (
        <label className="line">
          <input type="checkbox" checked={ownWords} onChange={(e) => setOwnWords(e.target.checked)} data-testid="card-own-words" />
          {t('card.ownWords')}
        </label>
      )}
      <FormErrors action={action} />
      <div className="line">
        <button type="submit" className="primary" disabled={action.busy} data-testid="card-save">
          {t('card.save')}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}
