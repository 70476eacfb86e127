import type { AssignmentReasonsFragment } from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { formatDateTimeShort } from '../lib/time';

type Candidate = AssignmentReasonsFragment['candidates'][number];

const sumBySign = (parts: Candidate['parts'], sign: 1 | -1) =>
  parts.reduce((total, { value }) => (value * sign > 0 ? total + Math.abs(value) : total), 0);

/** The candidates of an assignment, with the parts of each score. */
export function AssignmentReasons({ trace }: { trace: AssignmentReasonsFragment }) {
  const [lang, t] = useLanguage();
  const { chosen, queuedAt, assignments, at, candidates } = trace;
  const maxScore = Math.max(1, ...candidates.flatMap(({ parts }) => [sumBySign(parts, 1), sumBySign(parts, -1)]));
  const numberFormat = new Intl.NumberFormat(lang, { maximumFractionDigits: 1, signDisplay: 'exceptZero' });
  const describeParts = (parts: Candidate['parts']) => parts.map(({ name, value }) => `${enumLabel(t, 'score', name)} ${numberFormat.format(value)}`).join(' · ');
  return (
    <section data-testid="assignment-reasons">
      <h2>{t('assignment.title')}</h2>
      <p>
        <strong>
          {chosen ? t('assignment.chosen', { name: chosen.name })
          : queuedAt ? t('assignment.queued', { at: formatDateTimeShort(queuedAt, lang) })
          : t('assignment.nobody')}
        </strong>{' '}
        <span className="quiet">
          {formatDateTimeShort(at, lang)}
          {assignments > 1 && ` · ${t('assignment.assignments', { count: assignments })}`}
        </span>
      </p>
      <ol className="candidates">
        {candidates.map(({ user, eligible, excludedBecause, score, parts }) => (
          <li
            key={user.id}
            className={user.id === chosen?.id ? 'chosen' : eligible ? '' : 'excluded'}
            data-testid="candidate"
            title={describeParts(parts)}
          >
            <span className="name">{user.name}</span>
            <span className="scale">
              <span className="negative">
                <i style={{ width: `${(sumBySign(parts, -1) / maxScore) * 100}%` }} />
              </span>
              <span className="positive">
                <i style={{ width: `${(sumBySign(parts, 1) / maxScore) * 100}%` }} />
              </span>
            </span>
            <span className="figure">{score === null ? t('none') : numberFormat.format(score)}</span>
            <span className="quiet explanation">{excludedBecause ?? describeParts(parts)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
