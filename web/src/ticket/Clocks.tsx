import type { ClockFragment } from '../gql';
import { useLanguage } from '../i18n';
import { shortly, stretch, useNow } from '../lib/clock';
import { left, standing } from './standing';

/** The SLA clocks of a ticket, counting by themselves. */
export function Clocks({ clocks }: { clocks: readonly ClockFragment[] }) {
  const [lang, t] = useLanguage();
  const now = useNow(1_000);
  return (
    <div className="clocks">
      <h2>{t('sla.title')}</h2>
      {clocks.map((clock) => {
        const spent = clock.remainingSeconds === null ? clock.elapsedSeconds : clock.targetSeconds - left(clock, now);
        const share = Math.min(1, Math.max(0, spent / clock.targetSeconds));
        return (
          <div key={`${clock.metric} ${clock.startedAt}`} className={`clock ${clock.state}`} data-testid="sla-clock" data-state={clock.state}>
            <p className="line">
              <strong>{t(`sla.${clock.metric}`)}</strong>
              <span className="badge">{t(`sla.state.${clock.state}`)}</span>
              <span className="quiet">{t('sla.target', { target: stretch(clock.targetSeconds * 1000, lang) })}</span>
            </p>
            <div className="gauge" role="presentation">
              <span style={{ width: `${share * 100}%` }} />
            </div>
            <p className="standing">{standing(t, clock, now, lang)}</p>
            <details>
              <summary>{t('sla.timeline')}</summary>
              <ol className="timeline">
                {clock.timeline.map((entry, place) => (
                  <li key={place}>
                    <span>{t(`sla.kind.${entry.kind}`)}</span>{' '}
                    <span className="quiet">
                      {shortly(entry.at, lang)} · {t('sla.counted', { span: stretch(entry.elapsedSeconds * 1000, lang) })}
                    </span>
                  </li>
                ))}
              </ol>
            </details>
          </div>
        );
      })}
    </div>
  );
}
