import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { follow, type Live } from '../api/client';
import { MyTodoDocument, type MyTodoSubscription } from '../gql';
import { useLanguage } from '../i18n';
import { span, useNow } from '../lib/clock';
import { Store, useStore } from '../lib/store';

/** Whether the list is unfolded: as the person left it. */
const unfolded = new Store<boolean>(
  'buoy.todo',
  (kept) => kept === 'open',
  (open) => (open ? 'open' : null),
);

interface Waiting {
  todo: MyTodoSubscription['myTodo'];
  /** Since when the one waits that waits longest; `null` where none does. */
  since: number | null;
}

function useTodo(): [Waiting | null, Live] {
  const [waiting, setWaiting] = useState<Waiting | null>(null);
  const [live, setLive] = useState<Live>('connecting');
  useEffect(
    () =>
      follow(
        MyTodoDocument,
        {},
        {
          // It has no cursor: whoever connects anew is told how things stand.
          event: ({ myTodo: todo }) => {
            const { longestWaitSeconds } = todo;
            setWaiting({ todo, since: longestWaitSeconds === null ? null : Date.now() - longestWaitSeconds * 1000 });
            return undefined;
          },
          live: setLive,
          refused: () => setLive('off'),
        },
      ),
    [],
  );
  return [waiting, live];
}

/** 个人待办悬浮窗: how many of my tickets are unread and how long the longest waits, in a corner of every page. */
export function Float() {
  const [lang, t] = useLanguage();
  const open = useStore(unfolded);
  const [waiting, live] = useTodo();
  const now = useNow(1_000);
  if (!waiting) return null;
  const { todo, since } = waiting;
  return (
    <section className={`float${open ? ' open' : ''}`} aria-label={t('todo.title')} data-testid="todo">
      {open && (
        <div className="list">
          {todo.tickets.length === 0 && <p className="quiet">{t('todo.nothing')}</p>}
          <ol>
            {todo.tickets.map(({ id, number, title, priority, createdAt, customer }) => (
              <li key={id} className={priority}>
                <Link href={`/tickets/${number}`} data-testid="todo-ticket">
                  <span className="number">#{number}</span> {title}
                </Link>
                <span className="line quiet">
                  {priority !== 'NORMAL' && <span className={`badge ${priority}`}>{t(`priority.${priority}`)}</span>}
                  <span>{t('board.age', { span: span(now - Date.parse(createdAt), lang) })}</span>
                  {customer && <span>{customer.name}</span>}
                </span>
              </li>
            ))}
          </ol>
          {todo.count > todo.tickets.length && <p className="quiet">{t('todo.more', { count: todo.count - todo.tickets.length })}</p>}
        </div>
      )}
      <button type="button" className="pill" aria-expanded={open} onClick={() => unfolded.set(!open)} data-testid="todo-pill">
        <span className={`live ${live}`} title={t(`live.${live}`)} />
        {todo.count === 0 ?
          <span className="quiet">{t('todo.nothing')}</span>
        : <>
            <span className={todo.unread > 0 ? 'unread' : 'unread none'} data-testid="todo-unread">
              {todo.unread}
            </span>
            <span>{t('todo.unread', { count: todo.count })}</span>
            {since !== null && <strong>{t('todo.longest', { span: span(now - since, lang) })}</strong>}
          </>
        }
        <span aria-hidden="true">{open ? '▾' : '▴'}</span>
      </button>
    </section>
  );
}
