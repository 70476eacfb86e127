import { useState } from 'react';
import { useQuery } from 'urql';
import { DrillDownDocument } from '../gql';
import { useLanguage } from '../i18n';
import type { DrillDownTarget } from './Reports';
import { TicketRows } from './TicketRows';

const PAGE_SIZE = 50;

/** The tickets behind a figure. */
export function DrillDown({ target, period, onClose }: { target: DrillDownTarget; period: { from: string; to: string }; onClose: () => void }) {
  const [, t] = useLanguage();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return (
    <section className="panel" data-testid="drill-down">
      <div className="toolbar">
        <h2>
          {target.label}: {t(`outcome.${target.outcome}`)}
        </h2>
        <button type="button" onClick={onClose}>
          {t('report.close')}
        </button>
      </div>
      <table>
        <tbody>
          {pages.map((after, i) => (
            <DrillDownPage
              key={after ?? ''}
              variables={{ period, filter: target.filter, metric: target.metric, outcome: target.outcome, first: PAGE_SIZE, after }}
              last={i === pages.length - 1}
              onMore={(end) => setPages([...pages, end])}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface Variables {
  period: { from: string; to: string };
  filter: DrillDownTarget['filter'];
  metric: DrillDownTarget['metric'];
  outcome: DrillDownTarget['outcome'];
  first: number;
  after: string | null;
}

function DrillDownPage({ variables, last, onMore }: { variables: Variables; last: boolean; onMore: (end: string) => void }) {
  const [{ data, error, fetching }] = useQuery({ query: DrillDownDocument, variables });
  const ticketPage = fetching ? undefined : data?.serviceMetrics.tickets;
  const end = last && ticketPage?.pageInfo.hasNextPage ? ticketPage.pageInfo.endCursor : null;
  const rows = ticketPage?.nodes.map(({ createdAt, ...rest }) => ({ ...rest, at: createdAt })) ?? null;
  return <TicketRows rows={rows} error={error} onMore={end ? () => onMore(end) : null} />;
}
