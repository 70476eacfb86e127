import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useAction } from '../api/action';
import { CiteSolutionDocument, DismissSuggestionDocument, RestoreSuggestionDocument, SimilarToTicketDocument, type DismissalReason, type PageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote, Refusals } from '../shell/ErrorNote';
import { Similar } from './Similar';

/** The cases of a ticket, to be cited or dismissed. */
export function SimilarToThis({ page, onChange }: { page: PageFragment; onChange: (page: PageFragment) => void }) {
  const [, t] = useLanguage();
  const { id } = page;
  const [{ data, error }, load] = useQuery({ query: SimilarToTicketDocument, variables: { id } });
  const action = useAction(CiteSolutionDocument);
  const dismissal = useAction(DismissSuggestionDocument);
  const restoring = useAction(RestoreSuggestionDocument);
  const [gone, setGone] = useState<{ id: string; number: number } | null>(null);
  const anew = () => load({ requestPolicy: 'network-only' });
  if (error) return <ErrorNote error={error} again={anew} />;
  const run = async (caseId: string) => {
    const answer = await action.run({ ticketId: id, caseId });
    if (answer?.ticket) onChange(answer.ticket);
  };
  const cite = {
    run: (caseId: string) => void run(caseId),
    busy: action.busy,
    cited: (number: number) =>
      page.citations.some(({ source }) => source?.__typename === 'Ticket' && source.number === number),
  };
  const dismissed = async (of: { id: string; number: number }, reason: DismissalReason) => {
    const answer = await dismissal.run({ ticketId: id, caseId: of.id, reason });
    if (!answer?.ticket) return;
    setGone(of);
    anew();
  };
  const restore = async (of: { id: string }) => {
    const answer = await restoring.run({ ticketId: id, caseId: of.id });
    if (!answer?.ticket) return;
    setGone(null);
    anew();
  };
  const dismiss = {
    run: (of: { id: string; number: number }, reason: DismissalReason) => void dismissed(of, reason),
    busy: dismissal.busy,
  };
  // The one that was dismissed just now is told of by itself.
  const before = (data?.ticket?.suggestions ?? []).flatMap(({ state, reason, ticket }) =>
    state === 'DISMISSED' && ticket && ticket.id !== gone?.id ? [{ reason, ticket }] : [],
  );
  return (
    <>
      <Similar
        cases={data?.ticket?.similarCases ?? []}
        empty={data ? t('similar.none') : t('loading')}
        {...(page.allowedActions.includes('CITE') ? { cite, dismiss } : {})}
      />
      {gone && (
        <p className="quiet" role="status">
          {t('dismiss.done', { number: gone.number })}{' '}
          <button type="button" disabled={restoring.busy} onClick={() => void restore(gone)} data-testid="restore">
            {t('dismiss.undo')}
          </button>
        </p>
      )}
      {before.length > 0 && (
        <details data-testid="dismissed">
          <summary>{t('dismiss.before', { count: before.length })}</summary>
          <ul>
            {before.map(({ ticket, reason }) => (
              <li key={ticket.id}>
                <Link href={`/tickets/${ticket.number}`}>
                  <span className="number">#{ticket.number}</span> {ticket.title}
                </Link>{' '}
                <span className="quiet">{reason && t(`dismiss.${reason}`)}</span>{' '}
                {page.allowedActions.includes('CITE') && (
                  <button type="button" disabled={restoring.busy} onClick={() => void restore(ticket)}>
                    {t('dismiss.undo')}
                  </button>
                )}
              </li>
            ))}
          </ul>
        </details>
      )}
      <Refusals action={action} />
      <Refusals action={dismissal} />
      <Refusals action={restoring} />
    </>
  );
}
