import { useQuery } from 'urql';
import { Link } from 'wouter';
import { KnowledgeGapsDocument } from '../gql';
import { useLanguage } from '../i18n';
import { day, percent } from '../reports/format';

/** Where knowledge is missed: first-time resolution stays low, and these topics have no card. Nothing where nothing is missed. */
export function Gaps() {
  const [lang, t] = useLanguage();
  const said = (value: number | null) => (value === null ? '–' : percent(lang, value));
  const [{ data }] = useQuery({ query: KnowledgeGapsDocument });
  if (!data?.knowledgeGaps.length) return null;
  return (
    <section className="gaps" data-testid="gaps">
      <h2>{t('gaps.title')}</h2>
      {data.knowledgeGaps.map(({ label, below, weeks, topics }) => (
        <article key={label} className="panel" data-testid="gap-of">
          <h3>{label}</h3>
          <p className="quiet">{t('gaps.means', { below: percent(lang, below) })}</p>
          <ol className="weeks">
            {weeks.map(({ from, firstTimeResolution: { value, numerator, denominator, smallSample } }) => (
              <li key={from}>
                <span>{day(lang, from)}</span>
                <meter min={0} max={1} low={below} high={below} optimum={1} value={value ?? 0} aria-label={said(value)} />
                <span>
                  {said(value)} <small className="quiet">{`${numerator}/${denominator}`}{smallSample ? ` · ${t('gaps.small')}` : ''}</small>
                </span>
              </li>
            ))}
          </ol>
          {topics.length === 0 && <p className="quiet">{t('gaps.none')}</p>}
          {topics.map(({ label: topic, count, tickets }) => (
            <details key={topic ?? ''} data-testid="gap-topic">
              <summary>
                {topic ?? t('gaps.unattributed')} <span className="quiet">{t('gaps.count', { count })}</span>
              </summary>
              <ul>
                {tickets.map(({ id, number, title }) => (
                  <li key={id}>
                    <Link href={`/tickets/${number}`}>
                      #{number} {title}
                    </Link>
                  </li>
                ))}
              </ul>
            </details>
          ))}
        </article>
      ))}
    </section>
  );
}
