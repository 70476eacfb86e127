import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { nameOf, useCatalogue } from '../api/catalogue';
import { isAdmin } from '../api/roles';
import type { Session } from '../api/session';
import {
  EscapeKpiDocument,
  HealthReportDocument,
  HealthTicketsDocument,
  SolutionOfTheWeekDocument,
  type CauseRowFragment,
  type HealthFigure,
  type HealthReportQuery,
  type MetricOutcome,
  type ShareFragment,
} from '../gql';
import { useLanguage } from '../i18n';
import { formatDuration } from '../lib/time';
import { ErrorNote } from '../shell/ErrorNote';
import { ReportTabs, useTimeZone } from './ReportControls';
import { HealthReportFiles } from './HealthReportFiles';
import { formatDay, formatPercent } from './format';
import { recentMonths, quarterOf, weekOf } from './period';
import { PendingTickets } from './PendingTickets';
import { TicketRows } from './TicketRows';

type Report = HealthReportQuery['healthReport'];
type Figure = 'rootCauseConvergence' | 'solutionReuse' | 'l3Escape' | 'recurrence' | 'linkRate' | 'csat' | 'responseRate';

/** Each figure with the filter for its tickets. Solution reuse counts solutions, so it has no tickets. */
const FIGURES: readonly (readonly [Figure, HealthFigure | null])[] = [
  ['rootCauseConvergence', 'ROOT_CAUSE_CONVERGENCE'],
  ['solutionReuse', null],
  ['l3Escape', 'L3_ESCAPE'],
  ['recurrence', 'RECURRENCE'],
  ['linkRate', 'LINK_RATE'],
  ['csat', 'CSAT'],
  ['responseRate', 'RESPONSE_RATE'],
];
const MONTHS = 24;
const PAGE_SIZE = 50;

interface HealthDrillDownTarget {
  figure: HealthFigure;
  outcome: MetricOutcome;
  label: string;
}

/** The health report of a month. */
export function HealthReport({ viewer }: { viewer: Session['viewer'] }) {
  const zone = useTimeZone();
  return (
    <>
      <ReportTabs />
      {zone && <MonthlyReport zone={zone} showArchive={isAdmin(viewer)} />}
    </>
  );
}

function MonthlyReport({ zone, showArchive }: { zone: string; showArchive: boolean }) {
  const [lang, t] = useLanguage();
  const [openedAt] = useState(() => Date.now());
  const monthChoices = recentMonths(openedAt, zone, MONTHS);
  const [month, setMonth] = useState(monthChoices[0] ?? '');
  const [drillDownTarget, setDrillDownTarget] = useState<HealthDrillDownTarget | null>(null);
  const [{ data, error, fetching }, refetch] = useQuery({ query: HealthReportDocument, variables: { month } });
  const monthName = new Intl.DateTimeFormat(lang, { year: 'numeric', month: 'long', timeZone: 'UTC' });
  const report = data?.healthReport.month === month ? data.healthReport : null;
  return (
    <>
      <div className="toolbar">
        <select
          aria-label={t('health.month')}
          value={month}
          onChange={(event) => {
            setMonth(event.target.value);
            setDrillDownTarget(null);
          }}
          data-testid="health-month"
        >
          {monthChoices.map((choice) => (
            <option key={choice} value={choice}>
              {monthName.format(new Date(`${choice}-01T00:00Z`))}
            </option>
          ))}
        </select>
        {report && <span className="quiet">{t('health.counts', { resolved: report.resolved, unattributed: report.unattributed })}</span>}
        {fetching && <span role="status">{t('loading')}</span>}
      </div>
      {error && <ErrorNote error={error} onRetry={() => refetch({ requestPolicy: 'network-only' })} />}
      {report && (
        <div className="report" data-testid="health">
          {report.isProvisional && (
            <p className="note" data-testid="health-provisional">
              {t('health.provisional', { tickets: report.pending, surveys: report.pendingSurveys, date: formatDay(lang, report.finalAt) })}
            </p>
          )}
          <div className="layers">
            {FIGURES.map(([figure, healthFigure]) => (
              <FigureCard
                key={figure}
                figure={figure}
                share={report[figure]}
                onDrillDown={healthFigure && ((outcome) => setDrillDownTarget({ figure: healthFigure, outcome, label: t(`health.${figure}`) }))}
              />
            ))}
          </div>
          {drillDownTarget && <HealthDrillDown key={JSON.stringify(drillDownTarget)} month={month} target={drillDownTarget} onClose={() => setDrillDownTarget(null)} />}
          <Causes causes={report.topCauses} />
          <KnowledgeSharing report={report} />
          <EscapeRates quarter={quarterOf(month)} />
          <SolutionOfTheWeek week={weekOf(openedAt, zone)} />
          <HealthReportFiles month={month} showArchive={showArchive} />
        </div>
      )}
    </>
  );
}

function FigureCard({ figure, share, onDrillDown }: { figure: Figure; share: ShareFragment; onDrillDown: ((outcome: MetricOutcome) => void) | null }) {
  const [lang, t] = useLanguage();
  const { numerator, denominator, value, target, healthy, smallSample } = share;
  const healthClass = healthy === null ? 'unknown' : healthy ? 'healthy' : 'unhealthy';
  return (
    <section className={`panel layer ${healthClass}`} data-testid="health-figure" data-figure={figure}>
      <h2>{t(`health.${figure}`)}</h2>
      <p className="quiet">{t(`health.${figure}.help`)}</p>
      <p className="line">
        <strong className="value">{value === null ? t('none') : formatPercent(lang, value)}</strong>
        <span className="quiet">{t(figure === 'l3Escape' || figure === 'recurrence' ? 'health.atMost' : 'report.target', { target: formatPercent(lang, target) })}</span>
      </p>
      <svg className="gauge" viewBox="0 0 200 12" preserveAspectRatio="none" role="img" aria-label={t(`health.${figure}`)}>
        <rect className="track" x="0" y="3" width="200" height="6" />
        <rect className="share" x="0" y="3" width={(value ?? 0) * 200} height="6" />
        <line className="target-line" x1={target * 200} x2={target * 200} y1="0" y2="12" />
      </svg>
      <p className="line">
        {onDrillDown ? (
          <>
            <button type="button" disabled={numerator === 0} onClick={() => onDrillDown('MET')} data-testid="drill-down-met">
              {t('report.fraction', { numerator, denominator })}
            </button>
            <button type="button" disabled={denominator === numerator} onClick={() => onDrillDown('MISSED')}>
              {t('health.remaining', { count: denominator - numerator })}
            </button>
            <PendingTickets share={share} onDrillDown={onDrillDown} />
          </>
        ) : (
          <span>{t('report.fraction', { numerator, denominator })}</span>
        )}
        {smallSample && denominator > 0 && <span className="badge">{t('report.smallSample')}</span>}
      </p>
    </section>
  );
}

/** The most frequent causes as a bar chart. */
function Causes({ causes }: { causes: readonly CauseRowFragment[] }) {
  const [lang, t] = useLanguage();
  const maxValue = Math.max(...causes.map(({ share }) => share), 0.01);
  return (
    <section className="panel" data-testid="causes">
      <h2>{t('health.causes')}</h2>
      {causes.length === 0 && <p className="quiet">{t('report.noData')}</p>}
      <ol className="bars">
        {causes.map(({ label, count, share, rootCauseLevel }, i) => (
          <li key={label} className={i < 3 ? 'top' : ''}>
            <span>{label}</span>
            <span className={`fill ${rootCauseLevel}`} style={{ width: `${(share / maxValue) * 100}%` }} />
            <span className="quiet">
              {count} · {formatPercent(lang, share)}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function KnowledgeSharing({ report }: { report: Report }) {
  const [, t] = useLanguage();
  const maxValue = Math.max(...report.contributions.map(({ citations }) => citations), 1);
  return (
    <div className="layers">
      <section className="panel" data-testid="contributions">
        <h2>{t('health.contributions')}</h2>
        {report.contributions.length === 0 && <p className="quiet">{t('report.noData')}</p>}
        <ol className="bars">
          {report.contributions.slice(0, 10).map(({ user, cards, citedCases, citations }) => (
            <li key={user.id}>
              <span>{user.name}</span>
              <span className="fill" style={{ width: `${(citations / maxValue) * 100}%` }} />
              <span className="quiet">{t('health.contribution', { citations, citedCases, cards })}</span>
            </li>
          ))}
        </ol>
      </section>
      <section className="panel">
        <h2>{t('health.solutions')}</h2>
        {report.solutions.length === 0 && <p className="quiet">{t('report.noData')}</p>}
        <ol className="plain">
          {report.solutions.slice(0, 10).map(({ citationCount, card, case: citedCase }) => (
            <li key={card?.id ?? citedCase?.number ?? citationCount}>
              {card && <Link href={`/knowledge/${card.id}`}>{card.title}</Link>}
              {citedCase && (
                <Link href={`/tickets/${citedCase.number}`}>
                  #{citedCase.number} {citedCase.title}
                </Link>
              )}{' '}
              <span className="quiet">{t('card.citations', { count: citationCount })}</span>
            </li>
          ))}
        </ol>
      </section>
    </div>
  );
}

function EscapeRates({ quarter }: { quarter: string }) {
  const [lang, t] = useLanguage();
  const { products } = useCatalogue();
  const [{ data, error }] = useQuery({ query: EscapeKpiDocument, variables: { quarter } });
  const share = ({ value, numerator, denominator }: ShareFragment) => (value === null ? t('none') : `${formatPercent(lang, value)} (${numerator}/${denominator})`);
  return (
    <section className="panel" data-testid="escapes">
      <h2>{t('health.escapes', { quarter })}</h2>
      {error && <ErrorNote error={error} />}
      {data?.escapeKpi.length === 0 && <p className="quiet">{t('report.noData')}</p>}
      <table>
        <tbody>
          {data?.escapeKpi.map(({ product, owner, current, previous, change, target, met }) => (
            <tr key={product}>
              <th scope="row">{nameOf(products, product)}</th>
              <td className="quiet">{owner?.name ?? t('none')}</td>
              <td>{share(current)}</td>
              <td className="quiet">{t('health.previous', { share: share(previous) })}</td>
              <td className={met === null ? 'quiet' : met ? 'good' : 'bad'}>
                {change === null ? t('none') : formatPercent(lang, change)} <small>{t('report.target', { target: formatPercent(lang, target) })}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function SolutionOfTheWeek({ week }: { week: string }) {
  const [lang, t] = useLanguage();
  const [{ data, error }] = useQuery({ query: SolutionOfTheWeekDocument, variables: { week } });
  const solution = data?.solutionOfTheWeek;
  return (
    <section className="panel" data-testid="week">
      <h2>
        {t('week.title')} <span className="quiet">{week}</span>
      </h2>
      {error && <ErrorNote error={error} />}
      {data && !solution && <p className="quiet">{t('week.none')}</p>}
      {solution && (
        <>
          <p>
            {solution.ticket && (
              <Link href={`/tickets/${solution.ticket.number}`}>
                #{solution.ticket.number} {solution.card?.title ?? solution.ticket.title}
              </Link>
            )}
            <span className="quiet"> {solution.appliesTo}</span>
          </p>
          <ol>
            {solution.steps.map((step, i) => (
              <li key={i}>{step}</li>
            ))}
          </ol>
          <p className="quiet">
            {t('week.citations', { week: solution.effect.citedInWeek, all: solution.effect.citationCount })}
            {solution.effect.survival !== null && ` · ${t('week.survival', { share: formatPercent(lang, solution.effect.survival) })}`}
            {solution.effect.savedSeconds !== null && solution.effect.savedSeconds > 0 && ` · ${t('week.timeSaved', { span: formatDuration(solution.effect.savedSeconds * 1000, lang) })}`}
          </p>
        </>
      )}
    </section>
  );
}

/** The tickets behind a figure. */
function HealthDrillDown({ month, target, onClose }: { month: string; target: HealthDrillDownTarget; onClose: () => void }) {
  const [, t] = useLanguage();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return (
    <section className="panel" data-testid="drill-down">
      <div className="toolbar">
        <h2>
          {target.label}: {t(`health.outcome.${target.outcome as 'MET' | 'MISSED' | 'PENDING' | 'PENDING_FAILED'}`)}
        </h2>
        <button type="button" onClick={onClose}>
          {t('report.close')}
        </button>
      </div>
      <table>
        <tbody>
          {pages.map((after, i) => (
            <HealthDrillDownPage key={after ?? ''} month={month} target={target} after={after} last={i === pages.length - 1} onMore={(end) => setPages([...pages, end])} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface HealthDrillDownPageProps {
  month: string;
  target: HealthDrillDownTarget;
  after: string | null;
  last: boolean;
  onMore: (end: string) => void;
}

function HealthDrillDownPage({ month, target, after, last, onMore }: HealthDrillDownPageProps) {
  const { figure, outcome } = target;
  const [{ data, error, fetching }] = useQuery({ query: HealthTicketsDocument, variables: { month, figure, outcome, first: PAGE_SIZE, after } });
  const ticketPage = fetching ? undefined : data?.healthReport.tickets;
  const end = last && ticketPage?.pageInfo.hasNextPage ? ticketPage.pageInfo.endCursor : null;
  const rows = ticketPage?.nodes.map(({ resolvedAt, ...rest }) => ({ ...rest, at: resolvedAt })) ?? null;
  return <TicketRows rows={rows} error={error} onMore={end ? () => onMore(end) : null} />;
}
