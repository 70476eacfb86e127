import { useState } from 'react';
import { useQuery } from 'urql';
import { BehindDocument } from '../gql';
import { useLanguage } from '../i18n';
import type { Looked } from './Reports';
import { TicketRows } from './TicketRows';

const PAGE = 50;

/** The tickets behind a figure. */
export function Behind({ looked, period, close }: { looked: Looked; period: { from: string; to: string }; close: () => void }) {
  const [, t] = useLanguage();
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

function PageOf({ variables, last, more }: { variables: Variables; last: boolean; more: (end: string) => void }) {
  const [{ data, error, fetching }] = useQuery({ query: BehindDocument, variables });
  const found = fetching ? undefined : data?.serviceMetrics.tickets;
  const end = last && found?.pageInfo.hasNextPage ? found.pageInfo.endCursor : null;
  const rows = found?.nodes.map(({ createdAt, ...of }) => ({ ...of, at: createdAt })) ?? null;
  return <TicketRows rows={rows} error={error} more={end ? () => more(end) : null} />;
}
