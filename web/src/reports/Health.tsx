import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { nameOf, useCatalogue } from '../api/catalogue';
import { administers } from '../api/roles';
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
import { span } from '../lib/clock';
import { ErrorNote } from '../shell/ErrorNote';
import { ReportTabs, useZone } from './Choosers';
import { HealthFiles } from './HealthFiles';
import { percent } from './format';
import { months, quarterOf, weekOf } from './period';
import { TicketRows } from './TicketRows';

type Report = HealthReportQuery['healthReport'];
type Figure = 'rootCauseConvergence' | 'solutionReuse' | 'l3Escape' | 'recurrence' | 'linkRate' | 'csat' | 'responseRate';

/** Each with the figure whose tickets it leads to; reuse is about solutions. */
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
const PAGE = 50;

interface Looked {
  figure: HealthFigure;
  outcome: MetricOutcome;
  label: string;
}

/** What a month has taught. */
export function Health({ viewer }: { viewer: Session['viewer'] }) {
  const zone = useZone();
  return (
    <>
      <ReportTabs />
      {zone && <Months zone={zone} keeps={administers(viewer)} />}
    </>
  );
}

function Months({ zone, keeps }: { zone: string; keeps: boolean }) {
  const [lang, t] = useLanguage();
  const [opened] = useState(() => Date.now());
  const choices = months(opened, zone, MONTHS);
  const [month, setMonth] = useState(choices[0] ?? '');
  const [looked, setLooked] = useState<Looked | null>(null);
  const [{ data, error, fetching }, again] = useQuery({ query: HealthReportDocument, variables: { month } });
  const name = new Intl.DateTimeFormat(lang, { year: 'numeric', month: 'long', timeZone: 'UTC' });
  const report = data?.healthReport.month === month ? data.healthReport : null;
  return (
    <>
      <div className="toolbar">
        <select
          aria-label={t('health.month')}
          value={month}
          onChange={(event) => {
            setMonth(event.target.value);
            setLooked(null);
          }}
          data-testid="health-month"
        >
          {choices.map((choice) => (
            <option key={choice} value={choice}>
              {name.format(new Date(`${choice}-01T00:00Z`))}
            </option>
          ))}
        </select>
        {report && <span className="quiet">{t('health.counts', { resolved: report.resolved, unattributed: report.unattributed })}</span>}
        {fetching && <span role="status">{t('loading')}</span>}
      </div>
      {error && <ErrorNote error={error} again={() => again({ requestPolicy: 'network-only' })} />}
      {report && (
        <div className="report" data-testid="health">
          <div className="layers">
            {FIGURES.map(([figure, of]) => (
              <FigureCard
                key={figure}
                figure={figure}
                share={report[figure]}
                look={of && ((outcome) => setLooked({ figure: of, outcome, label: t(`health.${figure}`) }))}
              />
            ))}
          </div>
          {looked && <Behind key={JSON.stringify(looked)} month={month} looked={looked} close={() => setLooked(null)} />}
          <Causes causes={report.topCauses} />
          <Passed report={report} />
          <Escapes quarter={quarterOf(month)} />
          <Week week={weekOf(opened, zone)} />
          <HealthFiles month={month} keeps={keeps} />
        </div>
      )}
    </>
  );
}

function FigureCard({ figure, share, look }: { figure: Figure; share: ShareFragment; look: ((outcome: MetricOutcome) => void) | null }) {
  const [lang, t] = useLanguage();
  const { numerator, denominator, value, pending, target, healthy, smallSample } = share;
  const standing = healthy === null ? 'unknown' : healthy ? 'healthy' : 'unhealthy';
  return (
    <section className={`panel layer ${standing}`} data-testid="health-figure" data-figure={figure}>
      <h2>{t(`health.${figure}`)}</h2>
      <p className="quiet">{t(`health.${figure}.means`)}</p>
      <p className="line">
        <strong className="value">{value === null ? t('none') : percent(lang, value)}</strong>
        <span className="quiet">{t(figure === 'l3Escape' || figure === 'recurrence' ? 'health.atMost' : 'report.target', { target: percent(lang, target) })}</span>
      </p>
      <svg className="gauge" viewBox="0 0 200 12" preserveAspectRatio="none" role="img" aria-label={t(`health.${figure}`)}>
        <rect className="whole" x="0" y="3" width="200" height="6" />
        <rect className="share" x="0" y="3" width={(value ?? 0) * 200} height="6" />
        <line className="aim" x1={target * 200} x2={target * 200} y1="0" y2="12" />
      </svg>
      <p className="line">
        {look ? (
          <>
            <button type="button" disabled={numerator === 0} onClick={() => look('MET')} data-testid="look-met">
              {t('report.of', { numerator, denominator })}
            </button>
            <button type="button" disabled={denominator === numerator} onClick={() => look('MISSED')}>
              {t('health.others', { count: denominator - numerator })}
            </button>
            {pending > 0 && (
              <button type="button" onClick={() => look('PENDING')}>
                {t('report.pending', { count: pending })}
              </button>
            )}
          </>
        ) : (
          <span>{t('report.of', { numerator, denominator })}</span>
        )}
        {smallSample && denominator > 0 && <span className="badge">{t('report.smallSample')}</span>}
      </p>
    </section>
  );
}

/** The most frequent causes: a bar each, and the line of what they come to together. */
function Causes({ causes }: { causes: readonly CauseRowFragment[] }) {
  const [lang, t] = useLanguage();
  const most = Math.max(...causes.map(({ share }) => share), 0.01);
  return (
    <section className="panel" data-testid="causes">
      <h2>{t('health.causes')}</h2>
      {causes.length === 0 && <p className="quiet">{t('report.nothing')}</p>}
      <ol className="bars">
        {causes.map(({ label, count, share, rootCauseLevel }, i) => (
          <li key={label} className={i < 3 ? 'top' : ''}>
            <span>{label}</span>
            <span className={`fill ${rootCauseLevel}`} style={{ width: `${(share / most) * 100}%` }} />
            <span className="quiet">
              {count} · {percent(lang, share)}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Passed({ report }: { report: Report }) {
  const [, t] = useLanguage();
  const most = Math.max(...report.contributions.map(({ citations }) => citations), 1);
  return (
    <div className="layers">
      <section className="panel" data-testid="contributions">
        <h2>{t('health.contributions')}</h2>
        {report.contributions.length === 0 && <p className="quiet">{t('report.nothing')}</p>}
        <ol className="bars">
          {report.contributions.slice(0, 10).map(({ user, cards, citedCases, citations }) => (
            <li key={user.id}>
              <span>{user.name}</span>
              <span className="fill" style={{ width: `${(citations / most) * 100}%` }} />
              <span className="quiet">{t('health.contribution', { citations, citedCases, cards })}</span>
            </li>
          ))}
        </ol>
      </section>
      <section className="panel">
        <h2>{t('health.solutions')}</h2>
        {report.solutions.length === 0 && <p className="quiet">{t('report.nothing')}</p>}
        <ol className="plain">
          {report.solutions.slice(0, 10).map(({ citing, card, case: of }) => (
            <li key={card?.id ?? of?.number ?? citing}>
              {card && <Link href={`/knowledge/${card.id}`}>{card.title}</Link>}
              {of && (
                <Link href={`/tickets/${of.number}`}>
                  #{of.number} {of.title}
                </Link>
              )}{' '}
              <span className="quiet">{t('card.citations', { count: citing })}</span>
            </li>
          ))}
        </ol>
      </section>
    </div>
  );
}

function Escapes({ quarter }: { quarter: string }) {
  const [lang, t] = useLanguage();
  const { products } = useCatalogue();
  const [{ data, error }] = useQuery({ query: EscapeKpiDocument, variables: { quarter } });
  const share = ({ value, numerator, denominator }: ShareFragment) => (value === null ? t('none') : `${percent(lang, value)} (${numerator}/${denominator})`);
  return (
    <section className="panel" data-testid="escapes">
      <h2>{t('health.escapes', { quarter })}</h2>
      {error && <ErrorNote error={error} />}
      {data?.escapeKpi.length === 0 && <p className="quiet">{t('report.nothing')}</p>}
      <table>
        <tbody>
          {data?.escapeKpi.map(({ product, owner, current, previous, change, target, met }) => (
            <tr key={product}>
              <th scope="row">{nameOf(products, product)}</th>
              <td className="quiet">{owner?.name ?? t('none')}</td>
              <td>{share(current)}</td>
              <td className="quiet">{t('health.before', { share: share(previous) })}</td>
              <td className={met === null ? 'quiet' : met ? 'good' : 'bad'}>
                {change === null ? t('none') : percent(lang, change)} <small>{t('report.target', { target: percent(lang, target) })}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Week({ week }: { week: string }) {
  const [lang, t] = useLanguage();
  const [{ data, error }] = useQuery({ query: SolutionOfTheWeekDocument, variables: { week } });
  const told = data?.solutionOfTheWeek;
  return (
    <section className="panel" data-testid="week">
      <h2>
        {t('week.title')} <span className="quiet">{week}</span>
      </h2>
      {error && <ErrorNote error={error} />}
      {data && !told && <p className="quiet">{t('week.none')}</p>}
      {told && (
        <>
          <p>
            {told.ticket && (
              <Link href={`/tickets/${told.ticket.number}`}>
                #{told.ticket.number} {told.card?.title ?? told.ticket.title}
              </Link>
            )}
            <span className="quiet"> {told.appliesTo}</span>
          </p>
          <ol>
            {told.steps.map((step, i) => (
              <li key={i}>{step}</li>
            ))}
          </ol>
          <p className="quiet">
            {t('week.effect', { week: told.effect.citedInWeek, all: told.effect.citing })}
            {told.effect.survival !== null && ` · ${t('week.held', { share: percent(lang, told.effect.survival) })}`}
            {told.effect.savedSeconds !== null && told.effect.savedSeconds > 0 && ` · ${t('week.saved', { span: span(told.effect.savedSeconds * 1000, lang) })}`}
          </p>
        </>
      )}
    </section>
  );
}

/** The tickets behind a figure. */
function Behind({ month, looked, close }: { month: string; looked: Looked; close: () => void }) {
  const [, t] = useLanguage();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return (
    <section className="panel" data-testid="behind">
      <div className="toolbar">
        <h2>
          {looked.label}: {t(`health.outcome.${looked.outcome as 'MET' | 'MISSED' | 'PENDING'}`)}
        </h2>
        <button type="button" onClick={close}>
          {t('report.close')}
        </button>
      </div>
      <table>
        <tbody>
          {pages.map((after, i) => (
            <PageOf key={after ?? ''} month={month} looked={looked} after={after} last={i === pages.length - 1} more={(end) => setPages([...pages, end])} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface PageOfProps {
  month: string;
  looked: Looked;
  after: string | null;
  last: boolean;
  more: (end: string) => void;
}

function PageOf({ month, looked, after, last, more }: PageOfProps) {
  const { figure, outcome } = looked;
  const [{ data, error, fetching }] = useQuery({ query: HealthTicketsDocument, variables: { month, figure, outcome, first: PAGE, after } });
  const found = fetching ? undefined : data?.healthReport.tickets;
  const end = last && found?.pageInfo.hasNextPage ? found.pageInfo.endCursor : null;
  const rows = found?.nodes.map(({ resolvedAt, ...of }) => ({ ...of, at: resolvedAt })) ?? null;
  return <TicketRows rows={rows} error={error} more={end ? () => more(end) : null} />;
}
