import type { LevelFragment } from '../gql';
import { named, useLanguage } from '../i18n';
import { moment, shortly, span, useNow } from '../lib/clock';
import { Steps } from './Steps';

/** The levels of escalation: those of the watch that is on, and of the ones before. */
export function Levels({ levels }: { levels: readonly LevelFragment[] }) {
  const [, t] = useLanguage();
  const epochs = [...new Set(levels.map(({ epoch }) => epoch))].sort((a, b) => b - a);
  const [present, ...earlier] = epochs;
  const of = (epoch: number | undefined) => levels.filter((level) => level.epoch === epoch);
  return (
    <div className="levels">
      <h2>{t('escalation.title')}</h2>
      <Epoch levels={of(present)} />
      {earlier.length > 0 && (
        <details>
          <summary>{t('escalation.earlier', { count: earlier.length })}</summary>
          {earlier.map((epoch) => (
            <Epoch key={epoch} levels={of(epoch)} />
          ))}
        </details>
      )}
    </div>
  );
}

function Epoch({ levels }: { levels: readonly LevelFragment[] }) {
  const [lang, t] = useLanguage();
  const now = useNow();
  const steps = levels.map(({ level, state, dueAt, firedAt }) => {
    const wait = Date.parse(dueAt) - now;
    const when =
      state === 'FIRED' ? shortly(firedAt ?? dueAt, lang)
      : state === 'PLANNED' && wait > 0 ? t('escalation.in', { span: span(wait, lang) })
      : shortly(dueAt, lang);
    return {
      key: level,
      state,
      name: t('escalation.level', { level }),
      lines: [
        named(t, 'escalation.does', String(level)),
        t(`escalation.state.${state}`),
        <time key="when" dateTime={firedAt ?? dueAt} title={moment(firedAt ?? dueAt, lang)}>
          {when}
        </time>,
      ],
    };
  });
  return <Steps steps={steps} label={t('escalation.title')} />;
}
