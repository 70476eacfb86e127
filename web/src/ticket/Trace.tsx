import type { TraceFragment } from '../gql';
import { named, useLanguage } from '../i18n';
import { shortly } from '../lib/clock';

type Candidate = TraceFragment['candidates'][number];

const sum = (parts: Candidate['parts'], sign: 1 | -1) =>
  parts.reduce((all, { value }) => (value * sign > 0 ? all + Math.abs(value) : all), 0);

/** Why a ticket went to whom: each who was looked at, with what speaks for and against them. */
export function Trace({ trace }: { trace: TraceFragment }) {
  const [lang, t] = useLanguage();
  const { chosen, queuedAt, assignments, at, candidates } = trace;
  const most = Math.max(1, ...candidates.flatMap(({ parts }) => [sum(parts, 1), sum(parts, -1)]));
  const figure = new Intl.NumberFormat(lang, { maximumFractionDigits: 1, signDisplay: 'exceptZero' });
  const spelt = (parts: Candidate['parts']) => parts.map(({ name, value }) => `${named(t, 'score', name)} ${figure.format(value)}`).join(' · ');
  return (
    <section className="trace" data-testid="trace">
      <h2>{t('trace.title')}</h2>
      <p>
        <strong>
          {chosen ? t('trace.chosen', { name: chosen.name })
          : queuedAt ? t('trace.queued', { at: shortly(queuedAt, lang) })
          : t('trace.nobody')}
        </strong>{' '}
        <span className="quiet">
          {shortly(at, lang)}
          {assignments > 1 && ` · ${t('trace.assignments', { count: assignments })}`}
        </span>
      </p>
      <ol className="candidates">
        {candidates.map(({ user, eligible, excludedBecause, score, parts }) => (
          <li
            key={user.id}
            className={user.id === chosen?.id ? 'chosen' : eligible ? '' : 'excluded'}
            data-testid="candidate"
            title={spelt(parts)}
          >
            <span className="name">{user.name}</span>
            <span className="scale">
              <span className="against">
                <i style={{ width: `${(sum(parts, -1) / most) * 100}%` }} />
              </span>
              <span className="for">
                <i style={{ width: `${(sum(parts, 1) / most) * 100}%` }} />
              </span>
            </span>
            <span className="figure">{score === null ? t('none') : figure.format(score)}</span>
            <span className="quiet why">{excludedBecause ?? spelt(parts)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
