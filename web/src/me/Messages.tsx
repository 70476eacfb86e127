import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { MyMessagesDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';
import { Notice } from '../ticket/Told';

const PAGE = 20;

/** What somebody was told, newest first, page by page. */
export function MyMessages() {
  const [, t] = useLanguage();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return (
    <section className="told">
      <h2>{t('me.messages')}</h2>
      <ol className="notices">
        {pages.map((after, place) => (
          <PageOf key={after ?? ''} after={after} last={place === pages.length - 1} more={(end) => setPages([...pages, end])} />
        ))}
      </ol>
    </section>
  );
}

function PageOf({ after, last, more }: { after: string | null; last: boolean; more: (end: string) => void }) {
  const [, t] = useLanguage();
  const [{ data, error }, load] = useQuery({ query: MyMessagesDocument, variables: { first: PAGE, after } });
  if (error) {
    return (
      <li>
        <ErrorNote error={error} again={() => load({ requestPolicy: 'network-only' })} />
      </li>
    );
  }
  if (!data) return <li className="quiet">{t('loading')}</li>;
  const { nodes, pageInfo } = data.notifications;
  const end = pageInfo.endCursor;
  return (
    <>
      {nodes.length === 0 && <li className="quiet">{t('me.messages.none')}</li>}
      {nodes.map((told) => (
        <Notice key={told.id} told={told}>
          {told.ticket ?
            <Link href={`/tickets/${told.ticket.number}`}>{told.title}</Link>
          : <strong>{told.title}</strong>}
          {told.ticket && <span className="quiet">{told.ticket.title}</span>}
        </Notice>
      ))}
      {last && pageInfo.hasNextPage && end && (
        <li>
          <button type="button" onClick={() => more(end)}>
            {t('more')}
          </button>
        </li>
      )}
    </>
  );
}
