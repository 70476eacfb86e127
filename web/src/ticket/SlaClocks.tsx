import type { ClockFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTimeShort, formatDurationPrecise, useNow } from '../lib/time';
import { secondsLeft, slaStatusText } from './slaStatus';

/** The SLA clocks of a ticket, updated every second. */
export function SlaClocks({ clocks }: { clocks: readonly ClockFragment[] }) {
  const [lang, t] = useLanguage();
  const now = useNow(1_000);
  return (
    <div className="clocks">
      <h2>{t('sla.title')}</h2>
      {clocks.map((clock) => {
        const elapsed = clock.remainingSeconds === null ? clock.elapsedSeconds : clock.targetSeconds - secondsLeft(clock, now);
        const share = Math.min(1, Math.max(0, elapsed / clock.targetSeconds));
        return (
          <div key={`${clock.metric} ${clock.startedAt}`} className={`clock ${clock.state}`} data-testid="sla-clock" data-state={clock.state}>
            <p className="line">
              <strong>{t(`sla.${clock.metric}`)}</strong>
              <span className="badge">{t(`sla.state.${clock.state}`)}</span>
              <span className="quiet">{t('sla.target', { target: formatDurationPrecise(clock.targetSeconds * 1000, lang) })}</span>
            </p>
            <div className="gauge" role="presentation">
              <span style={{ width: `${share * 100}%` }} />
            </div>
            <p className="sla-status">{slaStatusText(t, clock, now, lang)}</p>
            <details>
              <summary>{t('sla.timeline')}</summary>
              <ol className="timeline">
                {clock.timeline.map((entry, index) => (
                  <li key={index}>
                    <span>{t(`sla.kind.${entry.kind}`)}</span>{' '}
                    <span className="quiet">
                      {formatDateTimeShort(entry.at, lang)} · {t('sla.elapsed', { span: formatDurationPrecise(entry.elapsedSeconds * 1000, lang) })}
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
