import type { CaseFragment, DismissalReason } from '../gql';
import { Link } from 'wouter';
import { nameOf, useCatalogue, type Catalogue } from '../api/catalogue';
import { useLanguage, type Translate } from '../i18n';

/** Cites a case's solution in the open ticket. */
export interface CiteAction {
  run: (caseId: string) => void;
  busy: boolean;
  isCited: (number: number) => boolean;
}

/** Marks a case as not helpful for the open ticket. */
export interface DismissAction {
  run: (dismissedCase: CaseFragment['ticket'], reason: DismissalReason) => void;
  busy: boolean;
}

const REASONS: readonly DismissalReason[] = ['NOT_SIMILAR', 'DOES_NOT_HELP', 'OUTDATED', 'OTHER'];

/** The three most similar cases, each with the reasons for its similarity and its solution. */
export function SimilarCases({ cases, empty, cite, dismiss }: { cases: readonly CaseFragment[]; empty: string; cite?: CiteAction; dismiss?: DismissAction }) {
  const [lang, t] = useLanguage();
  const catalogue = useCatalogue();
  const percent = new Intl.NumberFormat(lang, { style: 'percent' });
  return (
    <section className="similar" aria-live="polite">
      <h2>{t('similar.title')}</h2>
      {cases.length === 0 && <p className="quiet">{empty}</p>}
      <ol>
        {cases.map(({ ticket, score, reasons }) => (
          <li key={ticket.id} className="case" data-testid="similar-case" data-number={ticket.number}>
            <Link href={`/tickets/${ticket.number}`}>
              <span className="number">#{ticket.number}</span> {ticket.title}
            </Link>
            <div className="score" title={t('similar.score', { percent: percent.format(score) })}>
              <meter min={0} max={1} value={score} aria-label={t('similar.score', { percent: percent.format(score) })} />
              <span>{percent.format(score)}</span>
            </div>
            <ul className="reasons">
              {reasons.map(({ kind, value, weight }) => (
                <li key={`${kind} ${value}`} className={kind} title={`${t(`reason.${kind}`)} · ${percent.format(weight)}`}>
                  {kind === 'FIELD' ? fieldReason(t, catalogue, value) : kind === 'MEANING' ? t('reason.MEANING') : value}
                </li>
              ))}
            </ul>
            {ticket.card && (
              <Link className="quiet" href={`/knowledge/${ticket.card.id}`} data-testid="similar-card">
                {t('similar.card', { title: ticket.card.title })}
              </Link>
            )}
            {ticket.attribution ? (
              <details>
                <summary>{t('similar.solution')}</summary>
                <p className="text">{ticket.attribution.resolution}</p>
                <p className="quiet">
                  {t(`fault.${ticket.attribution.faultType}`)} · {t(`level.${ticket.attribution.rootCauseLevel}`)} ·{' '}
                  {ticket.attribution.solutionTags.map((key) => nameOf(catalogue.solutionTags, key)).join(', ')}
                </p>
              </details>
            ) : ticket.sourceSolution ? (
              <details data-testid="source-solution">
                <summary>{t('similar.solution')}</summary>
                <p className="text">{ticket.sourceSolution}</p>
                <p className="quiet">{t('attribution.sourceText')}</p>
              </details>
            ) : (
              <p className="quiet">{t('similar.unattributed')}</p>
            )}
            <div className="answer">
              {cite && (ticket.attribution ?? ticket.sourceSolution) && (
                <button type="button" className="primary" disabled={cite.busy || cite.isCited(ticket.number)} onClick={() => cite.run(ticket.id)} data-testid="cite">
                  {cite.isCited(ticket.number) ? t('cite.done') : t('cite')}
                </button>
              )}
              {dismiss && !cite?.isCited(ticket.number) && (
                <select
                  aria-label={t('dismiss.label', { number: ticket.number })}
                  value=""
                  disabled={dismiss.busy}
                  onChange={({ target }) => dismiss.run(ticket, target.value as DismissalReason)}
                  data-testid="dismiss"
                >
                  <option value="" disabled>
                    {t('dismiss')}
                  </option>
                  {REASONS.map((reason) => (
                    <option key={reason} value={reason}>
                      {t(`dismiss.${reason}`)}
                    </option>
                  ))}
                </select>
              )}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Translates a field match such as `product=PM-3300`. */
function fieldReason(t: Translate, catalogue: Catalogue, value: string): string {
  const [field, key = ''] = value.split('=', 2);
  if (field === 'product') return `${t('ticket.product')}: ${nameOf(catalogue.products, key)}`;
  if (field === 'issueType') return `${t('ticket.issueType')}: ${nameOf(catalogue.issueTypes, key)}`;
  return value;
}
