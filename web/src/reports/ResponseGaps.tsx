import { useState } from 'react';
import type { PersonFragment } from '../gql';
import { useLanguage } from '../i18n';
import { weekdayName } from '../lib/time';
import { DelegationForm, type DelegationDraft } from '../me/DelegationForm';
import { slotRangeLabel, type Gap } from './HeatmapGrid';
import { DAYS, consecutiveRuns, SLOT_MINUTES } from './heatmap';

/** The default length of a delegation. */
const DELEGATION_DAYS = 28;

interface Props {
  gaps: readonly Gap[];
  /** The agent for whom a delegate can be added; `null` where none is selected or the viewer is not allowed to. */
  agent: string | null;
  people: readonly PersonFragment[];
  onHighlight: (gap: number | null) => void;
}

/** The gaps of the heatmap with a proposal for each. */
export function ResponseGaps({ gaps, agent, people, onHighlight }: Props) {
  const [, t] = useLanguage();
  return (
    <section className="panel gaps">
      <h2>{t('heatmap.gaps')}</h2>
      {gaps.length === 0 && <p className="quiet">{t('heatmap.gaps.none')}</p>}
      <ol className="rows">
        {gaps.map((gap, i) => (
          <li key={i} data-testid="gap" tabIndex={0} onMouseEnter={() => onHighlight(i)} onMouseLeave={() => onHighlight(null)} onFocus={() => onHighlight(i)} onBlur={() => onHighlight(null)}>
            <GapRow gap={gap} number={i + 1} agent={agent} people={people} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function GapRow({ gap, number, agent, people }: { gap: Gap; number: number } & Pick<Props, 'agent' | 'people'>) {
  const [lang, t] = useLanguage();
  const [step, setStep] = useState<'read' | 'write' | 'done'>('read');
  const { delegate } = gap;
  const days =
    gap.weekdays.length === DAYS ?
      t('heatmap.gap.everyDay')
    : consecutiveRuns(gap.weekdays)
        .map(([first, last]) => (first === last ? weekdayName(first, lang) : `${weekdayName(first, lang)}–${weekdayName(last, lang)}`))
        .join(', ');
  return (
    <>
      <div className="line">
        <b className="gap-number">{number}</b>
        <strong>
          {days} {slotRangeLabel(gap.fromSlot, gap.toSlot)}
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
        <DelegationForm id={agent} people={withPerson(people, delegate)} draft={draftFromGap(gap, delegate.id)} onChange={() => setStep('done')} />
      )}
      {delegate && step === 'done' && (
        <p className="note" role="status">
          {t('heatmap.gap.delegated', { name: delegate.name })}
        </p>
      )}
    </>
  );
}

/** The list of people, with this person added where it lacks them. */
function withPerson(people: readonly PersonFragment[], person: PersonFragment): readonly PersonFragment[] {
  return people.some(({ id }) => id === person.id) ? people : [...people, person];
}

/** The form filled from the proposal: the hours and days of the gap, from today for four weeks. */
function draftFromGap(gap: Gap, to: string): DelegationDraft {
  const dateAfter = (days: number) => {
    const date = new Date();
    date.setDate(date.getDate() + days);
    // The Swedish locale has the format of date fields.
    return date.toLocaleDateString('sv-SE');
  };
  return {
    to,
    firstDay: dateAfter(0),
    lastDay: dateAfter(DELEGATION_DAYS - 1),
    days: gap.weekdays,
    fromMinute: gap.fromSlot * SLOT_MINUTES,
    toMinute: gap.toSlot * SLOT_MINUTES,
  };
}
