import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { NotificationInboxDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';
import { NotificationItem } from '../ticket/NotificationHistory';

const PAGE_SIZE = 20;

/** The notifications of the user, newest first, in pages. */
export function NotificationInbox() {
  const [, t] = useLanguage();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return (
    <section className="notification-history">
      <h2>{t('inbox.title')}</h2>
      <ol className="notices">
        {pages.map((after, index) => (
          <InboxPage key={after ?? ''} after={after} last={index === pages.length - 1} onMore={(end) => setPages([...pages, end])} />
        ))}
      </ol>
    </section>
  );
}

function InboxPage({ after, last, onMore }: { after: string | null; last: boolean; onMore: (end: string) => void }) {
  const [, t] = useLanguage();
  const [{ data, error }, refetch] = useQuery({ query: NotificationInboxDocument, variables: { first: PAGE_SIZE, after } });
  if (error) {
    return (
      <li>
        <ErrorNote error={error} onRetry={() => refetch({ requestPolicy: 'network-only' })} />
      </li>
    );
  }
  if (!data) return <li className="quiet">{t('loading')}</li>;
  const { nodes, pageInfo } = data.notifications;
  const end = pageInfo.endCursor;
  return (
    <>
      {nodes.length === 0 && <li className="quiet">{t('inbox.none')}</li>}
      {nodes.map((notification) => (
        <NotificationItem key={notification.id} notification={notification}>
          {notification.ticket ?
            <Link href={`/tickets/${notification.ticket.number}`}>{notification.title}</Link>
          : <strong>{notification.title}</strong>}
          {notification.ticket && <span className="quiet">{notification.ticket.title}</span>}
        </NotificationItem>
      ))}
      {last && pageInfo.hasNextPage && end && (
        <li>
          <button type="button" onClick={() => onMore(end)}>
            {t('more')}
          </button>
        </li>
      )}
    </>
  );
}
