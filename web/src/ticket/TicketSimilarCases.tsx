import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useAction } from '../api/action';
import { CiteSolutionDocument, DismissSuggestionDocument, RestoreSuggestionDocument, SimilarToTicketDocument, type DismissalReason, type TicketPageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote, FormErrors } from '../shell/ErrorNote';
import { SimilarCases } from './SimilarCases';

/** The similar cases of a ticket, which can be cited or dismissed. */
export function TicketSimilarCases({ page, onChange }: { page: TicketPageFragment; onChange: (page: TicketPageFragment) => void }) {
  const [, t] = useLanguage();
  const { id } = page;
  const [{ data, error }, refetch] = useQuery({ query: SimilarToTicketDocument, variables: { id } });
  const citeAction = useAction(CiteSolutionDocument);
  const dismissAction = useAction(DismissSuggestionDocument);
  const restoreAction = useAction(RestoreSuggestionDocument);
  const [lastDismissed, setLastDismissed] = useState<{ id: string; number: number } | null>(null);
  const reload = () => refetch({ requestPolicy: 'network-only' });
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  const citeCase = async (caseId: string) => {
    const answer = await citeAction.run({ ticketId: id, caseId });
    if (answer?.ticket) onChange(answer.ticket);
  };
  const cite = {
    run: (caseId: string) => void citeCase(caseId),
    busy: citeAction.busy,
    isCited: (number: number) =>
      page.citations.some(({ source }) => source?.__typename === 'Ticket' && source.number === number),
  };
  const dismissCase = async (dismissedCase: { id: string; number: number }, reason: DismissalReason) => {
    const answer = await dismissAction.run({ ticketId: id, caseId: dismissedCase.id, reason });
    if (!answer?.ticket) return;
    setLastDismissed(dismissedCase);
    reload();
  };
  const restoreCase = async (dismissedCase: { id: string }) => {
    const answer = await restoreAction.run({ ticketId: id, caseId: dismissedCase.id });
    if (!answer?.ticket) return;
    setLastDismissed(null);
    reload();
  };
  const dismiss = {
    run: (dismissedCase: { id: string; number: number }, reason: DismissalReason) => void dismissCase(dismissedCase, reason),
    busy: dismissAction.busy,
  };
  // The case dismissed last has its own message with an undo button.
  const earlierDismissed = (data?.ticket?.suggestions ?? []).flatMap(({ state, reason, ticket }) =>
    state === 'DISMISSED' && ticket && ticket.id !== lastDismissed?.id ? [{ reason, ticket }] : [],
  );
  return (
    <>
      <SimilarCases
        cases={data?.ticket?.similarCases ?? []}
        empty={data ? t('similar.none') : t('loading')}
        {...(page.allowedActions.includes('CITE') ? { cite, dismiss } : {})}
      />
      {lastDismissed && (
        <p className="quiet" role="status">
          {t('dismiss.done', { number: lastDismissed.number })}{' '}
          <button type="button" disabled={restoreAction.busy} onClick={() => void restoreCase(lastDismissed)} data-testid="restore">
            {t('dismiss.undo')}
          </button>
        </p>
      )}
      {earlierDismissed.length > 0 && (
        <details data-testid="dismissed">
          <summary>{t('dismiss.earlier', { count: earlierDismissed.length })}</summary>
          <ul>
            {earlierDismissed.map(({ ticket, reason }) => (
              <li key={ticket.id}>
                <Link href={`/tickets/${ticket.number}`}>
                  <span className="number">#{ticket.number}</span> {ticket.title}
                </Link>{' '}
                <span className="quiet">{reason && t(`dismiss.${reason}`)}</span>{' '}
                {page.allowedActions.includes('CITE') && (
                  <button type="button" disabled={restoreAction.busy} onClick={() => void restoreCase(ticket)}>
                    {t('dismiss.undo')}
                  </button>
                )}
              </li>
            ))}
          </ul>
        </details>
      )}
      <FormErrors action={citeAction} />
      <FormErrors action={dismissAction} />
      <FormErrors action={restoreAction} />
    </>
  );
}
