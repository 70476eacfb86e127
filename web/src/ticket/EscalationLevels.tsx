import type { LevelFragment } from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { formatDateTime, formatDateTimeShort, formatDuration, useNow } from '../lib/time';
import { Stepper } from './Stepper';

/** The escalation levels of the current assignment and of the earlier ones. */
export function EscalationLevels({ levels }: { levels: readonly LevelFragment[] }) {
  const [, t] = useLanguage();
  const epochs = [...new Set(levels.map(({ epoch }) => epoch))].sort((a, b) => b - a);
  const [currentEpoch, ...earlierEpochs] = epochs;
  const levelsOf = (epoch: number | undefined) => levels.filter((level) => level.epoch === epoch);
  return (
    <div className="levels">
      <h2>{t('escalation.title')}</h2>
      <EpochLevels levels={levelsOf(currentEpoch)} />
      {earlierEpochs.length > 0 && (
        <details>
          <summary>{t('escalation.earlier', { count: earlierEpochs.length })}</summary>
          {earlierEpochs.map((epoch) => (
            <EpochLevels key={epoch} levels={levelsOf(epoch)} />
          ))}
        </details>
      )}
    </div>
  );
}

function EpochLevels({ levels }: { levels: readonly LevelFragment[] }) {
  const [lang, t] = useLanguage();
  const now = useNow();
  const steps = levels.map(({ level, state, dueAt, firedAt }) => {
    const untilDue = Date.parse(dueAt) - now;
    const when =
      state === 'FIRED' ? formatDateTimeShort(firedAt ?? dueAt, lang)
      : state === 'PLANNED' && untilDue > 0 ? t('escalation.in', { span: formatDuration(untilDue, lang) })
      : formatDateTimeShort(dueAt, lang);
    return {
      key: level,
      state,
      name: t('escalation.level', { level }),
      lines: [
        enumLabel(t, 'escalation.effect', String(level)),
        t(`escalation.state.${state}`),
        <time key="when" dateTime={firedAt ?? dueAt} title={formatDateTime(firedAt ?? dueAt, lang)}>
          {when}
        </time>,
      ],
    };
  });
  return <Stepper steps={steps} label={t('escalation.title')} />;
}
