import type { AssignmentReasonsFragment } from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { formatDateTimeShort } from '../lib/time';
import { describeWorkload } from '../lib/workload';

type Candidate = AssignmentReasonsFragment['candidates'][number];

const sumBySign = (parts: Candidate['parts'], sign: 1 | -1) =>
  parts.reduce((total, { value }) => (value * sign > 0 ? total + Math.abs(value) : total), 0);

/** The candidates of an assignment, with the parts of each score. */
export function AssignmentReasons({ trace }: { trace: AssignmentReasonsFragment }) {
  const [lang, t] = useLanguage();
  const { chosen, queuedAt, assignments, at, candidates, requiredSkills, productRecognisedBy, ambiguousProducts, derivedSkillsPreferred } = trace;
  const maxScore = Math.max(1, ...candidates.flatMap(({ parts }) => [sumBySign(parts, 1), sumBySign(parts, -1)]));
  const numberFormat = new Intl.NumberFormat(lang, { maximumFractionDigits: 1, signDisplay: 'exceptZero' });
  const describeParts = (parts: Candidate['parts']) => parts.map(({ name, value }) => `${enumLabel(t, 'score', name)} ${numberFormat.format(value)}`).join(' · ');
  const describe = ({ parts, similarCases, openWork, capacity }: Candidate) =>
    [
      describeParts(parts),
      similarCases.length > 0 && t('assignment.solved', { numbers: similarCases.map((number) => `#${number}`).join(', ') }),
      openWork !== null && capacity !== null && describeWorkload(t, openWork, capacity),
    ]
      .filter(Boolean)
      .join(' · ');
  const skills = requiredSkills.map(({ skill, level, source }) => t('assignment.skill', { skill, level, source: enumLabel(t, 'skillSource', source) }));
  const notes = [
    productRecognisedBy === null ? [] : [t('assignment.recognised', { term: productRecognisedBy })],
    ambiguousProducts.length === 0 ? [] : [t('assignment.ambiguous', { products: ambiguousProducts.join(', ') })],
    skills.length === 0 ? [] : [t('assignment.skills', { skills: skills.join(' · ') })],
    derivedSkillsPreferred ? [t('assignment.preferred')] : [],
  ].flat();
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
      {notes.map((note) => (
        <p key={note} className="quiet" data-testid="assignment-note">
          {note}
        </p>
      ))}
      <ol className="candidates">
        {candidates.map((candidate) => {
          const { user, eligible, excludedBecause, score, parts } = candidate;
          return (
            <li
              key={user.id}
              className={user.id === chosen?.id ? 'chosen' : eligible ? '' : 'excluded'}
              data-testid="candidate"
              title={describe(candidate)}
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
              <span className="quiet explanation">{excludedBecause ?? describe(candidate)}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
