import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { BehindDocument } from '../gql';
import { useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { ErrorNote } from '../shell/ErrorNote';
import type { Looked } from './Reports';

const PAGE = 50;

/** The tickets behind a figure. */
export function Behind({ looked, period, close }: { looked: Looked; period: { from: string; to: string }; close: () => void }) {
  const [lang, t] = useLanguage();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return (
    <section className="panel" data-testid="behind">
      <div className="toolbar">
        <h2>
          {looked.label}: {t(`outcome.${looked.outcome}`)}
        </h2>
        <button type="button" onClick={close}>
          {t('report.close')}
        </button>
      </div>
      <table>
        <tbody>
          {pages.map((after, i) => (
            <PageOf
              key={after ?? ''}
              variables={{ period, filter: looked.filter, metric: looked.metric, outcome: looked.outcome, first: PAGE, after }}
              last={i === pages.length - 1}
              more={(end) => setPages([...pages, end])}
              lang={lang}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface Variables {
  period: { from: string; to: string };
  filter: Looked['filter'];
  metric: Looked['metric'];
  outcome: Looked['outcome'];
  first: number;
  after: string | null;
}

function PageOf({ variables, last, more, lang }: { variables: Variables; last: boolean; more: (end: string) => void; lang: string }) {
  const [, t] = useLanguage();
  const [{ data, error, fetching }] = useQuery({ query: BehindDocument, variables });
  const found = data?.serviceMetrics.tickets;
  const row = (content: React.ReactNode) => (
    <tr>
      <td colSpan={4}>{content}</td>
    </tr>
  );
  if (error) return row(<ErrorNote error={error} />);
  if (fetching || !found) return row(t('loading'));
  if (found.nodes.length === 0) return row(t('board.empty'));
  const end = found.pageInfo.endCursor;
  return (
    <>
      {found.nodes.map(({ id, number, title, status, createdAt, assignee }) => (
        <tr key={id}>
          <td className="number">
            <Link href={`/tickets/${number}`}>#{number}</Link>
          </td>
          <td>{title}</td>
          <td>{t(`status.${status}`)}</td>
          <td className="quiet">
            {assignee?.name ?? t('board.unassigned')} · {moment(createdAt, lang)}
          </td>
        </tr>
      ))}
      {last &&
        found.pageInfo.hasNextPage &&
        end &&
        row(
          <button type="button" onClick={() => more(end)}>
            {t('more')}
          </button>,
        )}
    </>
  );
}
