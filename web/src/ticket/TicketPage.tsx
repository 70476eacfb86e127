import { useCallback, useEffect, useState, type ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import { NotFound } from '../shell/NotFound';
import { randomHexKey } from '../api/action';
import { nameOf, useCatalogue } from '../api/catalogue';
import { client, subscribeLive, type LiveStatus } from '../api/client';
import { isStaff } from '../api/roles';
import type { Session } from '../api/session';
import { BoardCursorDocument, OpenTicketDocument, TicketEventsDocument, TicketPageDocument, type TicketPageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { ErrorNote } from '../shell/ErrorNote';
import { PendingReport } from '../panorama/PendingReport';
import { Actions } from './Actions';
import { AttributionSummary, SourceSolution } from './Attribution';
import { Citations } from './Citations';
import { Rating } from './Rating';
import { TicketSimilarCases } from './TicketSimilarCases';
import { Comments, ActivityLog } from './Conversation';
import { NotificationHistory } from './NotificationHistory';
import { AssignmentReasons } from './AssignmentReasons';
import { useMonitoring, MonitoringPanel } from './Monitoring';

/** A ticket that was shown for this time counts as opened. */
const OPENED_AFTER_MS = 1_000;

type LivePage = { page: TicketPageFragment | null; error: CombinedError | null } | null;

function useLivePage(number: number) {
  const [shown, setShown] = useState<LivePage>(null);
  const [live, setLive] = useState<LiveStatus>('connecting');
  const [reloadCount, setReloadCount] = useState(0);
  // Shows the latest result, unless it is older than the one shown.
  const showNewest = useCallback((page: TicketPageFragment) => {
    setShown((previous) => (previous?.page && previous.page.version > page.version ? previous : { page, error: null }));
  }, []);
  useEffect(() => {
    let disposed = false;
    let unsubscribe = () => {};
    const start = async () => {
      // Reads the cursor first, in a separate request, so that no event is missed while the ticket loads.
      const cursorResult = await client.query(BoardCursorDocument, {}).toPromise();
      const { data, error } = cursorResult.data ? await client.query(TicketPageDocument, { number }).toPromise() : { error: cursorResult.error };
      if (disposed) return;
      if (!cursorResult.data || !data?.ticket) return setShown({ page: null, error: error?.graphQLErrors.some(isNotFound) ? null : (error ?? null) });
      showNewest(data.ticket);
      // A ticket that is visible only as a reference case has no events.
      if (data.ticket.access === 'CASE') return;
      unsubscribe = subscribeLive(
        TicketEventsDocument,
        { ticketId: data.ticket.id, after: cursorResult.data.boardCursor },
        {
          onEvent: ({ ticketEvents: { kind, cursor, ticket } }) => {
            if (disposed) return undefined;
            if (ticket) showNewest(ticket);
            else if (kind === 'RESYNC') setReloadCount((n) => n + 1);
            else setShown({ page: null, error: null });
            return cursor;
          },
          onStatus: (now) => disposed || setLive(now),
          onRefused: (error) => disposed || setShown((previous) => ({ page: previous?.page ?? null, error })),
        },
      );
    };
    void start();
    return () => {
      disposed = true;
      unsubscribe();
    };
  }, [number, reloadCount, showNewest]);
  return { shown, live, showNewest, reload: () => setReloadCount((n) => n + 1) };
}

function isNotFound(error: CombinedError['graphQLErrors'][number]): boolean {
  return error.extensions['code'] === 'NOT_FOUND';
}

/** Records that the ticket was opened, once per visit. */
function useMarkOpened(page: TicketPageFragment | null) {
  const id = page?.allowedActions.includes('OPEN') ? page.id : null;
  useEffect(() => {
    if (id === null) return;
    const input = { ticketId: id, idempotencyKey: randomHexKey() };
    const timer = setTimeout(() => void client.mutation(OpenTicketDocument, { input }).toPromise(), OPENED_AFTER_MS);
    return () => clearTimeout(timer);
  }, [id]);
}

export function TicketPage({ number, viewer }: { number: number; viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const { shown, live, showNewest, reload } = useLivePage(number);
  useMarkOpened(shown?.page ?? null);
  if (!shown) return <p className="quiet">{t('loading')}</p>;
  if (!shown.page) return shown.error ? <ErrorNote error={shown.error} onRetry={reload} /> : <NotFound />;
  return (
    <>
      {shown.error && <ErrorNote error={shown.error} onRetry={reload} />}
      <TicketDetails page={shown.page} live={live} staff={isStaff(viewer)} onChange={showNewest} />
    </>
  );
}

interface PageProps {
  page: TicketPageFragment;
  live: LiveStatus;
  staff: boolean;
  onChange: (page: TicketPageFragment) => void;
}

function TicketDetails({ page, live, staff, onChange }: PageProps) {
  const [lang, t] = useLanguage();
  const asCase = page.access === 'CASE';
  const monitoring = useMonitoring(page, staff && !asCase);
  // The fields that similar cases depend on; a change reloads them.
  const similarityKey = [page.title, page.description, page.product, page.issueType].join('\n');
  return (
    <article className="ticket">
      <div className="body">
        <header>
          <p className="line">
            <span className="number">#{page.number}</span>
            <span className={`badge status ${page.status}`} data-testid="status" data-status={page.status}>
              {t(`status.${page.status}`)}
            </span>
            <span className={`badge ${page.priority}`}>{t(`priority.${page.priority}`)}</span>
            {!asCase && <span className={`live ${live}`}>{t(`live.${live}`)}</span>}
          </p>
          <h1>{page.title}</h1>
          {page.waitingReason && <p className="note">{t('ticket.waiting', { reason: page.waitingReason })}</p>}
          {page.cancelReason && <p className="note">{t('ticket.cancelled', { reason: page.cancelReason })}</p>}
          {page.mergedInto && (
            <p className="note">
              <Link href={`/tickets/${page.mergedInto.number}`}>{t('ticket.merged', { number: page.mergedInto.number })}</Link>
            </p>
          )}
          {asCase && <p className="note">{t('ticket.asCase')}</p>}
        </header>
        <p className="text description">{page.description}</p>
        <PendingReport page={page} onChange={onChange} />
        <Actions page={page} onChange={onChange} />
        {page.attribution && <AttributionSummary attribution={page.attribution} />}
        {!page.attribution && page.sourceSolution && <SourceSolution text={page.sourceSolution} />}
        {page.card && (
          <p className="note">
            <Link href={`/knowledge/${page.card.id}`}>{t('card.linked', { title: page.card.title })}</Link>
          </p>
        )}
        <Citations citations={page.citations} />
        <Rating page={page} onChange={onChange} />
        {page.unattributed && !page.sourceSolution && <p className="note">{t('attribution.unattributed')}</p>}
        {page.historyIncomplete && <p className="note">{t('ticket.historyIncomplete')}</p>}
      </div>
      {!asCase && (
        <div className="body conversation">
          <Comments page={page} onChange={onChange} />
          {monitoring && <NotificationHistory notifications={monitoring.notifications} />}
          {monitoring?.assignmentTrace && <AssignmentReasons trace={monitoring.assignmentTrace} />}
          <ActivityLog page={page} />
        </div>
      )}
      <aside>
        {monitoring && <MonitoringPanel monitoring={monitoring} />}
        <TicketSimilarCases key={similarityKey} page={page} onChange={onChange} />
        <Facts page={page} lang={lang} recognisedBy={monitoring?.productRecognisedBy ?? null} />
      </aside>
    </article>
  );
}

/** `recognisedBy`: what in the text names the product, if nobody gave it. */
function Facts({ page, lang, recognisedBy }: { page: TicketPageFragment; lang: string; recognisedBy: string | null }) {
  const [, t] = useLanguage();
  const { issueTypes, products } = useCatalogue();
  const at = (instant: string | null) => instant && formatDateTime(instant, lang);
  const firstOpened = page.firstOpenedAt && [formatDateTime(page.firstOpenedAt, lang), page.firstOpenedBy?.name].filter(Boolean).join(' · ');
  const rows: [string, ReactNode][] = [
    [t('ticket.assignee'), page.assignee?.name],
    [t('ticket.team'), page.team?.name],
    [t('ticket.requester'), page.requester?.name],
    [t('ticket.customer'), page.customer && [page.customer.name, page.customer.region].filter(Boolean).join(' · ')],
    [t('ticket.issueType'), page.issueType && nameOf(issueTypes, page.issueType)],
    [t('ticket.product'), page.product && [nameOf(products, page.product), recognisedBy && t('ticket.product.recognised', { term: recognisedBy })].filter(Boolean).join(' · ')],
    [t('ticket.device'), page.device],
    [t('ticket.skills'), page.requiredSkills.join(', ')],
    [t('ticket.created'), at(page.createdAt)],
    [t('ticket.firstOpened'), firstOpened],
    [t('ticket.firstResponse'), at(page.firstRespondedAt)],
    [t('ticket.resolved'), at(page.resolvedAt)],
    [t('ticket.closed'), at(page.closedAt)],
    [t('ticket.reopenCount'), page.reopenCount],
    [t('ticket.handOverCount'), page.handOverCount],
    [t('ticket.chaseCount'), page.chaseCount],
    [t('ticket.channel'), page.channel],
    [t('ticket.references'), page.externalRefs.map(({ system, externalId }) => `${system} ${externalId}`).join(', ')],
    [t('ticket.token'), <code key="token">{page.token}</code>],
    [t('nav.panorama'), page.externalRefs.length > 0 && <Link key="panorama" href={`/panorama/${page.token}`}>{t('panorama.title')}</Link>],
  ];
  return (
    <dl className="facts">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
