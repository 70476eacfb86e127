import { useCallback, useEffect, useMemo, useReducer, useState } from 'react';
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import { useCatalogue } from '../api/catalogue';
import { client, subscribeLive, type LiveStatus } from '../api/client';
import { isStaff } from '../api/roles';
import type { Session } from '../api/session';
import { BoardCursorDocument, BoardEventsDocument, ColumnDocument, type CardFragment, type TicketFilter } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime, formatDuration, useNow, useDebounced } from '../lib/time';
import { ErrorNote } from '../shell/ErrorNote';
import { Breaches } from './Breaches';
import { cardsInColumn, COLUMNS, EMPTY_BOARD, boardReducer, type BoardState, type Column, type BoardAction } from './boardState';

const PAGE_SIZE = 30;
/** A ticket without a response is marked after this time, as at the first escalation level. */
const UNANSWERED_MS = 2 * 60 * 60 * 1000;

type View = 'all' | 'mine' | 'unassigned';

function useBoard(filter: TicketFilter) {
  const [state, dispatch] = useReducer((previous: BoardState, action: BoardAction | 'reset') => (action === 'reset' ? EMPTY_BOARD : boardReducer(previous, action)), EMPTY_BOARD);
  const [live, setLive] = useState<LiveStatus>('connecting');
  const [error, setError] = useState<CombinedError | null>(null);
  const [reloadCount, setReloadCount] = useState(0);

  const load = useCallback(
    async (status: Column, after: string | null) => {
      const answer = await client
        .query(ColumnDocument, {
          filter: { and: [filter, { status: { eq: status } }] },
          orderBy: { field: status === 'RESOLVED' ? 'UPDATED_AT' : 'PRIORITY', direction: 'DESC' },
          first: PAGE_SIZE,
          after,
        })
        .toPromise();
      return { status, answer };
    },
    [filter],
  );

  useEffect(() => {
    let disposed = false;
    let unsubscribe = () => {};
    const start = async () => {
      // Reads the cursor first, so that no event is missed while the columns load.
      const cursorResult = await client.query(BoardCursorDocument, {}).toPromise();
      const columns = cursorResult.data ? await Promise.all(COLUMNS.map((status) => load(status, null))) : [];
      if (disposed) return;
      const failed = cursorResult.error ?? columns.find(({ answer }) => answer.error)?.answer.error;
      setError(failed ?? null);
      if (failed || !cursorResult.data) return;
      dispatch('reset');
      for (const { status, answer } of columns) {
        const ticketPage = answer.data?.tickets;
        if (ticketPage) dispatch({ page: status, nodes: ticketPage.nodes, hasMore: ticketPage.pageInfo.hasNextPage, endCursor: ticketPage.pageInfo.endCursor });
      }
      const openStatuses = { status: { in: [...COLUMNS] } };
      unsubscribe = subscribeLive(
        BoardEventsDocument,
        { filter: { and: [filter, openStatuses] }, after: cursorResult.data.boardCursor },
        {
          onEvent: ({ boardEvents }) => {
            if (disposed) return undefined;
            if (boardEvents.kind === 'RESYNC') setReloadCount((n) => n + 1);
            else dispatch({ event: boardEvents });
            return boardEvents.cursor;
          },
          onStatus: (now) => disposed || setLive(now),
          onRefused: (refusal) => disposed || setError(refusal),
        },
      );
    };
    void start();
    return () => {
      disposed = true;
      unsubscribe();
    };
  }, [filter, load, reloadCount]);

  const loadMore = async (status: Column) => {
    const { answer } = await load(status, state.pages[status].endCursor);
    const ticketPage = answer.data?.tickets;
    if (ticketPage) dispatch({ page: status, nodes: ticketPage.nodes, hasMore: ticketPage.pageInfo.hasNextPage, endCursor: ticketPage.pageInfo.endCursor });
    else setError(answer.error ?? null);
  };
  return { state, live, error, loadMore, reload: () => setReloadCount((n) => n + 1) };
}

export function Board({ viewer }: { viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const { teams } = useCatalogue();
  const staff = isStaff(viewer);
  const [view, setView] = useState<View>('all');
  const [team, setTeam] = useState('');
  const [searchText, setSearchText] = useState('');
  const text = useDebounced(searchText.trim(), 300);

  const filter = useMemo<TicketFilter>(() => {
    const parts: TicketFilter[] = [];
    if (view === 'mine') parts.push({ assigneeId: { eq: viewer.id } });
    if (view === 'unassigned') parts.push({ assigneeId: { isNull: true } });
    if (team !== '') parts.push({ teamId: { eq: team } });
    if (text !== '') parts.push({ text });
    return { and: parts };
  }, [view, team, text, viewer.id]);
  const { state, live, error, loadMore, reload } = useBoard(filter);
  const now = useNow();

  return (
    <>
      <div className="toolbar">
        {staff && (
          <>
            <div className="choice" role="group">
              {(['all', 'mine', 'unassigned'] as const).map((key) => (
                <button key={key} type="button" aria-pressed={view === key} onClick={() => setView(key)}>
                  {t(`board.view.${key}`)}
                </button>
              ))}
            </div>
            <select aria-label={t('ticket.team')} value={team} onChange={(event) => setTeam(event.target.value)}>
              <option value="">{t('board.team.all')}</option>
              {teams.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </>
        )}
        <input
          type="search"
          aria-label={t('board.text')}
          placeholder={t('board.text')}
          maxLength={200}
          value={searchText}
          onChange={(event) => setSearchText(event.target.value)}
        />
        <span className={`live ${live}`} role="status" data-testid="live">
          {t(`live.${live}`)}
        </span>
      </div>
      {error && <ErrorNote error={error} onRetry={reload} />}
      {staff && <Breaches />}
      <div className="board">
        {COLUMNS.map((status) => {
          const cards = cardsInColumn(state, status);
          const { hasMore } = state.pages[status];
          return (
            <section key={status} className={`column ${status}`} data-testid="column" data-status={status}>
              <h2>
                {t(`status.${status}`)} <span className="count">{hasMore ? `${cards.length}+` : cards.length}</span>
              </h2>
              <ol>
                {cards.map((card) => (
                  // A moved card gets a new key, so that the arrival animation runs.
                  <li key={`${card.id} ${state.moveCounts.get(card.id) ?? 0}`}>
                    <Card card={card} now={now} staff={staff} arrived={state.moveCounts.has(card.id)} />
                  </li>
                ))}
              </ol>
              {cards.length === 0 && <p className="quiet">{t('board.empty')}</p>}
              {hasMore && (
                <button type="button" className="more" onClick={() => void loadMore(status)}>
                  {t('more')}
                </button>
              )}
            </section>
          );
        })}
      </div>
    </>
  );
}

function Card({ card, now, staff, arrived }: { card: CardFragment; now: number; staff: boolean; arrived: boolean }) {
  const [lang, t] = useLanguage();
  const age = now - Date.parse(card.createdAt);
  const open = card.status !== 'RESOLVED';
  const unanswered = staff && open && card.firstRespondedAt === null;
  return (
    <Link
      href={`/tickets/${card.number}`}
      className={`card ${card.priority}${arrived ? ' arrived' : ''}`}
      data-testid="ticket-card"
      data-number={card.number}
    >
      <span className="line">
        <span className="number">#{card.number}</span>
        {card.priority !== 'NORMAL' && <span className={`badge ${card.priority}`}>{t(`priority.${card.priority}`)}</span>}
        {card.chaseCount > 0 && <span className="badge chased">{t('board.chased', { count: card.chaseCount })}</span>}
      </span>
      <span className="title">{card.title}</span>
      <span className="line quiet">
        <span>{card.assignee?.name ?? t('board.unassigned')}</span>
        {card.customer && <span>{card.customer.name}</span>}
      </span>
      {open && (
        <span className={unanswered && age > UNANSWERED_MS ? 'line overdue' : 'line quiet'} title={formatDateTime(card.createdAt, lang)}>
          {t(unanswered ? 'board.unanswered' : 'board.age', { span: formatDuration(age, lang) })}
        </span>
      )}
    </Link>
  );
}
