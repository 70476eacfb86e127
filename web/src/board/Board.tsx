import { useCallback, useEffect, useMemo, useReducer, useState } from 'react';
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import { useCatalogue } from '../api/catalogue';
import { client, follow, type Live } from '../api/client';
import { isStaff } from '../api/roles';
import type { Session } from '../api/session';
import { BoardCursorDocument, BoardEventsDocument, ColumnDocument, type CardFragment, type TicketFilter } from '../gql';
import { useLanguage } from '../i18n';
import { moment, span, useNow, useSettled } from '../lib/clock';
import { ErrorNote } from '../shell/ErrorNote';
import { Breaches } from './Breaches';
import { column, COLUMNS, EMPTY, put, type BoardState, type Column, type Happening } from './state';

const PAGE = 30;
/** From then on an unanswered ticket is marked: the first level of alarm. */
const UNANSWERED_MS = 2 * 60 * 60 * 1000;

type View = 'all' | 'mine' | 'unassigned';

function useBoard(filter: TicketFilter) {
  const [state, tell] = useReducer((was: BoardState, what: Happening | 'anew') => (what === 'anew' ? EMPTY : put(was, what)), EMPTY);
  const [live, setLive] = useState<Live>('connecting');
  const [error, setError] = useState<CombinedError | null>(null);
  const [round, setRound] = useState(0);

  const load = useCallback(
    async (status: Column, after: string | null) => {
      const answer = await client
        .query(ColumnDocument, {
          filter: { and: [filter, { status: { eq: status } }] },
          orderBy: { field: status === 'RESOLVED' ? 'UPDATED_AT' : 'PRIORITY', direction: 'DESC' },
          first: PAGE,
          after,
        })
        .toPromise();
      return { status, answer };
    },
    [filter],
  );

  useEffect(() => {
    let gone = false;
    let end = () => {};
    const begin = async () => {
      // The cursor first: what happens while the columns are loaded is heard afterwards.
      const at = await client.query(BoardCursorDocument, {}).toPromise();
      const columns = at.data ? await Promise.all(COLUMNS.map((status) => load(status, null))) : [];
      if (gone) return;
      const failed = at.error ?? columns.find(({ answer }) => answer.error)?.answer.error;
      setError(failed ?? null);
      if (failed || !at.data) return;
      tell('anew');
      for (const { status, answer } of columns) {
        const found = answer.data?.tickets;
        if (found) tell({ page: status, nodes: found.nodes, more: found.pageInfo.hasNextPage, end: found.pageInfo.endCursor });
      }
      const open = { status: { in: [...COLUMNS] } };
      end = follow(
        BoardEventsDocument,
        { filter: { and: [filter, open] }, after: at.data.boardCursor },
        {
          event: ({ boardEvents }) => {
            if (gone) return undefined;
            if (boardEvents.kind === 'RESYNC') setRound((n) => n + 1);
            else tell({ event: boardEvents });
            return boardEvents.cursor;
          },
          live: (now) => gone || setLive(now),
          refused: (why) => gone || setError(why),
        },
      );
    };
    void begin();
    return () => {
      gone = true;
      end();
    };
  }, [filter, load, round]);

  const more = async (status: Column) => {
    const { answer } = await load(status, state.pages[status].end);
    const found = answer.data?.tickets;
    if (found) tell({ page: status, nodes: found.nodes, more: found.pageInfo.hasNextPage, end: found.pageInfo.endCursor });
    else setError(answer.error ?? null);
  };
  return { state, live, error, more, again: () => setRound((n) => n + 1) };
}

export function Board({ viewer }: { viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const { teams } = useCatalogue();
  const staff = isStaff(viewer);
  const [view, setView] = useState<View>('all');
  const [team, setTeam] = useState('');
  const [typed, setTyped] = useState('');
  const text = useSettled(typed.trim(), 300);

  const filter = useMemo<TicketFilter>(() => {
    const parts: TicketFilter[] = [];
    if (view === 'mine') parts.push({ assigneeId: { eq: viewer.id } });
    if (view === 'unassigned') parts.push({ assigneeId: { isNull: true } });
    if (team !== '') parts.push({ teamId: { eq: team } });
    if (text !== '') parts.push({ text });
    return { and: parts };
  }, [view, team, text, viewer.id]);
  const { state, live, error, more, again } = useBoard(filter);
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
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <span className={`live ${live}`} role="status" data-testid="live">
          {t(`live.${live}`)}
        </span>
      </div>
      {error && <ErrorNote error={error} again={again} />}
      {staff && <Breaches />}
      <div className="board">
        {COLUMNS.map((status) => {
          const cards = column(state, status);
          const { more: hasMore } = state.pages[status];
          return (
            <section key={status} className={`column ${status}`} data-testid="column" data-status={status}>
              <h2>
                {t(`status.${status}`)} <span className="count">{hasMore ? `${cards.length}+` : cards.length}</span>
              </h2>
              <ol>
                {cards.map((card) => (
                  // A card that moved is a new one, so that it is seen to arrive.
                  <li key={`${card.id} ${state.moved.get(card.id) ?? 0}`}>
                    <Card card={card} now={now} staff={staff} arrived={state.moved.has(card.id)} />
                  </li>
                ))}
              </ol>
              {cards.length === 0 && <p className="quiet">{t('board.empty')}</p>}
              {hasMore && (
                <button type="button" className="more" onClick={() => void more(status)}>
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
        <span className={unanswered && age > UNANSWERED_MS ? 'line overdue' : 'line quiet'} title={moment(card.createdAt, lang)}>
          {t(unanswered ? 'board.unanswered' : 'board.age', { span: span(age, lang) })}
        </span>
      )}
    </Link>
  );
}
