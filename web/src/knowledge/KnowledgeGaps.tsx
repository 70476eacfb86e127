import { useQuery } from 'urql';
import { Link } from 'wouter';
import { KnowledgeGapsDocument } from '../gql';
import { useLanguage } from '../i18n';
import { formatDay, formatPercent } from '../reports/format';

/**
 * Gaps in the knowledge base: teams and issue types with low first-time resolution and the topics without a card. Renders nothing where
 * there are none.
 */
export function KnowledgeGaps() {
  const [lang, t] = useLanguage();
  const percentOrDash = (value: number | null) => (value === null ? '–' : formatPercent(lang, value));
  const [{ data }] = useQuery({ query: KnowledgeGapsDocument });
  if (!data?.knowledgeGaps.length) return null;
  return (
    <section className="gaps" data-testid="gaps">
      <h2>{t('knowledgeGaps.title')}</h2>
      {data.knowledgeGaps.map(({ label, threshold, weeks, ticketCount, isSmallSample, unattributed, topics }) => (
        <article key={label} className="panel" data-testid="knowledge-gap">
          <h3>{label}</h3>
          <p className="quiet">{t('knowledgeGaps.help', { threshold: formatPercent(lang, threshold) })}</p>
          <p className="line">
            <span>{t('knowledgeGaps.tickets', { count: ticketCount })}</span>
            {isSmallSample && <span className="badge">{t('knowledgeGaps.smallHelp')}</span>}
            {unattributed > 0 && <span className="quiet">{t('knowledgeGaps.unattributed', { count: unattributed })}</span>}
          </p>
          <ol className="weeks">
            {weeks.map(({ from, firstTimeResolution: { value, numerator, denominator, smallSample } }) => (
              <li key={from}>
                <span>{formatDay(lang, from)}</span>
                <meter min={0} max={1} low={threshold} high={threshold} optimum={1} value={value ?? 0} aria-label={percentOrDash(value)} />
                <span>
                  {percentOrDash(value)} <small className="quiet">{`${numerator}/${denominator}`}{smallSample ? ` · ${t('knowledgeGaps.small')}` : ''}</small>
                </span>
              </li>
            ))}
          </ol>
          {topics.length === 0 && <p className="quiet">{t('knowledgeGaps.none')}</p>}
          {topics.map(({ label: topic, count, tickets }) => (
            <details key={topic} data-testid="gap-topic">
              <summary>
                {topic} <span className="quiet">{t('knowledgeGaps.count', { count })}</span>
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
