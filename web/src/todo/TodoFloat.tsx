import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { subscribeLive, type LiveStatus } from '../api/client';
import { MyTodoDocument, type MyTodoSubscription } from '../gql';
import { useLanguage } from '../i18n';
import { formatDuration, useNow } from '../lib/time';
import { Store, useStore } from '../lib/store';

/** Whether the list is expanded; persisted. */
const expandedStore = new Store<boolean>(
  'buoy.todo',
  (stored) => stored === 'open',
  (expanded) => (expanded ? 'open' : null),
);

interface TodoState {
  todo: MyTodoSubscription['myTodo'];
  /** When the longest wait began; `null` where no ticket waits. */
  waitingSince: number | null;
}

function useLiveTodo(): [TodoState | null, LiveStatus] {
  const [state, setState] = useState<TodoState | null>(null);
  const [live, setLive] = useState<LiveStatus>('connecting');
  useEffect(
    () =>
      subscribeLive(
        MyTodoDocument,
        {},
        {
          // This subscription has no cursor: a new connection starts with the current state.
          onEvent: ({ myTodo: todo }) => {
            const { longestWaitSeconds } = todo;
            setState({ todo, waitingSince: longestWaitSeconds === null ? null : Date.now() - longestWaitSeconds * 1000 });
            return undefined;
          },
          onStatus: setLive,
          onRefused: () => setLive('off'),
        },
      ),
    [],
  );
  return [state, live];
}

/** 个人待办悬浮窗: the number of unread tickets and the longest wait, in a corner of every page. */
export function TodoFloat() {
  const [lang, t] = useLanguage();
  const expanded = useStore(expandedStore);
  const [state, live] = useLiveTodo();
  const now = useNow(1_000);
  if (!state) return null;
  const { todo, waitingSince } = state;
  return (
    <section className={`float${expanded ? ' open' : ''}`} aria-label={t('todo.title')} data-testid="todo">
      {expanded && (
        <div className="list">
          {todo.tickets.length === 0 && <p className="quiet">{t('todo.none')}</p>}
          <ol>
            {todo.tickets.map(({ id, number, title, priority, createdAt, customer }) => (
              <li key={id} className={priority}>
                <Link href={`/tickets/${number}`} data-testid="todo-ticket">
                  <span className="number">#{number}</span> {title}
                </Link>
                <span className="line quiet">
                  {priority !== 'NORMAL' && <span className={`badge ${priority}`}>{t(`priority.${priority}`)}</span>}
                  <span>{t('board.age', { span: formatDuration(now - Date.parse(createdAt), lang) })}</span>
                  {customer && <span>{customer.name}</span>}
                </span>
              </li>
            ))}
          </ol>
          {todo.count > todo.tickets.length && <p className="quiet">{t('todo.more', { count: todo.count - todo.tickets.length })}</p>}
        </div>
      )}
      <button type="button" className="pill" aria-expanded={expanded} onClick={() => expandedStore.set(!expanded)} data-testid="todo-pill">
        <span className={`live ${live}`} title={t(`live.${live}`)} />
        {todo.count === 0 ?
          <span className="quiet">{t('todo.none')}</span>
        : <>
            <span className={todo.unread > 0 ? 'unread' : 'unread none'} data-testid="todo-unread">
              {todo.unread}
            </span>
            <span>{t('todo.unread', { count: todo.count })}</span>
            {waitingSince !== null && <strong>{t('todo.longest', { span: formatDuration(now - waitingSince, lang) })}</strong>}
          </>
        }
        <span aria-hidden="true">{expanded ? '▾' : '▴'}</span>
      </button>
    </section>
  );
}
