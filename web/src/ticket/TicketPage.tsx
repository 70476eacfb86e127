import { useCallback, useEffect, useState, type ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import { Nowhere } from '../shell/Nowhere';
import { newKey } from '../api/action';
import { nameOf, useCatalogue } from '../api/catalogue';
import { client, follow, type Live } from '../api/client';
import { isStaff } from '../api/roles';
import type { Session } from '../api/session';
import { BoardCursorDocument, OpenTicketDocument, TicketEventsDocument, TicketPageDocument, type PageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { ErrorNote } from '../shell/ErrorNote';
import { Pending } from '../panorama/Pending';
import { Actions } from './Actions';
import { Attributed } from './Attribution';
import { Citations } from './Citations';
import { Rating } from './Rating';
import { SimilarToThis } from './SimilarToThis';
import { Comments, Trail } from './Talk';
import { Told } from './Told';
import { Trace } from './Trace';
import { useWatched, Watch } from './Watch';

/** A ticket that has been shown for so long was looked at. */
const LOOKED_MS = 1_000;

type Shown = { page: PageFragment | null; error: CombinedError | null } | null;

function usePage(number: number) {
  const [shown, setShown] = useState<Shown>(null);
  const [live, setLive] = useState<Live>('connecting');
  const [round, setRound] = useState(0);
  // Whatever answers last is shown, unless it is older than what is there.
  const take = useCallback((page: PageFragment) => {
    setShown((was) => (was?.page && was.page.version > page.version ? was : { page, error: null }));
  }, []);
  useEffect(() => {
    let gone = false;
    let end = () => {};
    const begin = async () => {
      // The cursor first, in a request of its own: what happens while the ticket is read is heard afterwards.
      const at = await client.query(BoardCursorDocument, {}).toPromise();
      const { data, error } = at.data ? await client.query(TicketPageDocument, { number }).toPromise() : { error: at.error };
      if (gone) return;
      if (!at.data || !data?.ticket) return setShown({ page: null, error: error?.graphQLErrors.some(notFound) ? null : (error ?? null) });
      take(data.ticket);
      // What is seen as a case has no events.
      if (data.ticket.access === 'CASE') return;
      end = follow(
        TicketEventsDocument,
        { ticketId: data.ticket.id, after: at.data.boardCursor },
        {
          event: ({ ticketEvents: { kind, cursor, ticket } }) => {
            if (gone) return undefined;
            if (ticket) take(ticket);
            else if (kind === 'RESYNC') setRound((n) => n + 1);
            else setShown({ page: null, error: null });
            return cursor;
          },
          live: (now) => gone || setLive(now),
          refused: (error) => gone || setShown((was) => ({ page: was?.page ?? null, error })),
        },
      );
    };
    void begin();
    return () => {
      gone = true;
      end();
    };
  }, [number, round, take]);
  return { shown, live, take, again: () => setRound((n) => n + 1) };
}

function notFound(error: CombinedError['graphQLErrors'][number]): boolean {
  return error.extensions['code'] === 'NOT_FOUND';
}

/** Says that the ticket was looked at, once for each visit. */
function useLooked(page: PageFragment | null) {
  const id = page?.allowedActions.includes('OPEN') ? page.id : null;
  useEffect(() => {
    if (id === null) return;
    const input = { ticketId: id, idempotencyKey: newKey() };
    const timer = setTimeout(() => void client.mutation(OpenTicketDocument, { input }).toPromise(), LOOKED_MS);
    return () => clearTimeout(timer);
  }, [id]);
}

export function TicketPage({ number, viewer }: { number: number; viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const { shown, live, take, again } = usePage(number);
  useLooked(shown?.page ?? null);
  if (!shown) return <p className="quiet">{t('loading')}</p>;
  if (!shown.page) return shown.error ? <ErrorNote error={shown.error} again={again} /> : <Nowhere />;
  return (
    <>
      {shown.error && <ErrorNote error={shown.error} again={again} />}
      <Page page={shown.page} live={live} staff={isStaff(viewer)} onChange={take} />
    </>
  );
}

interface PageProps {
  page: PageFragment;
  live: Live;
  staff: boolean;
  onChange: (page: PageFragment) => void;
}

function Page({ page, live, staff, onChange }: PageProps) {
  const [lang, t] = useLanguage();
  const asCase = page.access === 'CASE';
  const watched = useWatched(page, staff && !asCase);
  // What similar cases hang on: they are loaded anew when it changes.
  const compared = [page.title, page.description, page.product, page.issueType].join('\n');
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
        <Pending page={page} onChange={onChange} />
        <Actions page={page} onChange={onChange} />
        {page.attribution && <Attributed attribution={page.attribution} />}
        {page.card && (
          <p className="note">
            <Link href={`/knowledge/${page.card.id}`}>{t('card.of', { title: page.card.title })}</Link>
          </p>
        )}
        <Citations citations={page.citations} />
        <Rating page={page} onChange={onChange} />
        {page.unattributed && <p className="note">{t('attribution.unattributed')}</p>}
      </div>
      {!asCase && (
        <div className="body talk">
          <Comments page={page} onChange={onChange} />
          {watched && <Told notifications={watched.notifications} />}
          {watched?.assignmentTrace && <Trace trace={watched.assignmentTrace} />}
          <Trail page={page} />
        </div>
      )}
      <aside>
        {watched && <Watch watched={watched} />}
        <SimilarToThis key={compared} page={page} onChange={onChange} />
        <Facts page={page} lang={lang} />
      </aside>
    </article>
  );
}

function Facts({ page, lang }: { page: PageFragment; lang: string }) {
  const [, t] = useLanguage();
  const { issueTypes, products } = useCatalogue();
  const at = (instant: string | null) => instant && moment(instant, lang);
  const opened = page.firstOpenedAt && [moment(page.firstOpenedAt, lang), page.firstOpenedBy?.name].filter(Boolean).join(' · ');
  const rows: [string, ReactNode][] = [
    [t('ticket.assignee'), page.assignee?.name],
    [t('ticket.team'), page.team?.name],
    [t('ticket.requester'), page.requester?.name],
    [t('ticket.customer'), page.customer && [page.customer.name, page.customer.region].filter(Boolean).join(' · ')],
    [t('ticket.issueType'), page.issueType && nameOf(issueTypes, page.issueType)],
    [t('ticket.product'), page.product && nameOf(products, page.product)],
    [t('ticket.device'), page.device],
    [t('ticket.skills'), page.requiredSkills.join(', ')],
    [t('ticket.created'), at(page.createdAt)],
    [t('ticket.firstOpened'), opened],
    [t('ticket.firstResponse'), at(page.firstRespondedAt)],
    [t('ticket.resolved'), at(page.resolvedAt)],
    [t('ticket.closed'), at(page.closedAt)],
    [t('ticket.counts'), `${page.reopenCount} · ${page.handOverCount} · ${page.chaseCount}`],
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
