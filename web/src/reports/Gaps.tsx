import { useState } from 'react';
import type { PersonFragment } from '../gql';
import { useLanguage } from '../i18n';
import { weekday } from '../lib/clock';
import { DelegationForm, type Start } from '../me/DelegationForm';
import { hours, type Gap } from './Grid';
import { DAYS, runs, SLOT_MINUTES } from './heat';

/** How long somebody stands in, unless the form is told otherwise. */
const STANDS_DAYS = 28;

interface Props {
  gaps: readonly Gap[];
  /** For whom somebody may be named to stand in; `null` where nobody is chosen, or the viewer may not. */
  agent: string | null;
  people: readonly PersonFragment[];
  look: (gap: number | null) => void;
}

/** The runs of half-hours without an answer in time, and what would close them. */
export function Gaps({ gaps, agent, people, look }: Props) {
  const [, t] = useLanguage();
  return (
    <section className="panel gaps">
      <h2>{t('heatmap.gaps')}</h2>
      {gaps.length === 0 && <p className="quiet">{t('heatmap.gaps.none')}</p>}
      <ol className="rows">
        {gaps.map((gap, i) => (
          <li key={i} data-testid="gap" tabIndex={0} onMouseEnter={() => look(i)} onMouseLeave={() => look(null)} onFocus={() => look(i)} onBlur={() => look(null)}>
            <Row gap={gap} number={i + 1} agent={agent} people={people} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Row({ gap, number, agent, people }: { gap: Gap; number: number } & Pick<Props, 'agent' | 'people'>) {
  const [lang, t] = useLanguage();
  const [step, setStep] = useState<'read' | 'write' | 'done'>('read');
  const { delegate } = gap;
  const days =
    gap.weekdays.length === DAYS ?
      t('heatmap.gap.everyDay')
    : runs(gap.weekdays)
        .map(([first, last]) => (first === last ? weekday(first, lang) : `${weekday(first, lang)}–${weekday(last, lang)}`))
        .join(', ');
  return (
    <>
      <div className="line">
        <b className="place">{number}</b>
        <strong>
          {days} {hours(gap.fromSlot, gap.toSlot)}
        </strong>
        <span className="quiet">{t('heatmap.gap.tickets', { count: gap.arrivals })}</span>
        {gap.smallSample && <span className="badge HIGH">{t('report.smallSample')}</span>}
        {delegate && agent && step !== 'done' && (
          <button type="button" aria-expanded={step === 'write'} onClick={() => setStep(step === 'read' ? 'write' : 'read')} data-testid="gap-delegate">
            {t('heatmap.gap.delegate', { name: delegate.name })}
          </button>
        )}
      </div>
      <p className="text">{gap.proposal}</p>
      {delegate && agent && step === 'write' && (
        <DelegationForm id={agent} people={among(people, delegate)} start={startOf(gap, delegate.id)} onChange={() => setStep('done')} />
      )}
      {delegate && step === 'done' && (
        <p className="note" role="status">
          {t('heatmap.gap.named', { name: delegate.name })}
        </p>
      )}
    </>
  );
}

/** The people of a choice, with one of whom the list may not know. */
function among(people: readonly PersonFragment[], one: PersonFragment): readonly PersonFragment[] {
  return people.some(({ id }) => id === one.id) ? people : [...people, one];
}

/** The form as the proposal would have it: these hours of these days, from today for four weeks. */
function startOf(gap: Gap, to: string): Start {
  const day = (ahead: number) => {
    const at = new Date();
    at.setDate(at.getDate() + ahead);
    // Swedes write dates as date fields do.
    return at.toLocaleDateString('sv-SE');
  };
  return {
    to,
    first: day(0),
    last: day(STANDS_DAYS - 1),
    days: gap.weekdays,
    fromMinute: gap.fromSlot * SLOT_MINUTES,
    toMinute: gap.toSlot * SLOT_MINUTES,
  };
}
