import { useState, type ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { client } from '../api/client';
import { SimulatePolicyDocument, type EscalationClock, type EscalationLevelInput, type RehearsalFindingKind, type SimulatePolicyQuery } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';

type SimulationResult = SimulatePolicyQuery['simulateEscalationPolicy'];
type Finding = SimulationResult['findings'][number];

/** Errors first, warnings last. */
const KINDS_BY_SEVERITY: readonly RehearsalFindingKind[] = [
  'EMPTY_LEVEL',
  'NO_SENDER',
  'NO_SUPERVISOR',
  'UNREACHABLE_PERSON',
  'SINGLE_SKILL_HOLDER',
];
const LEVEL_KINDS: readonly RehearsalFindingKind[] = ['EMPTY_LEVEL', 'NO_SENDER', 'UNREACHABLE_PERSON'];
const ERROR_KINDS: readonly RehearsalFindingKind[] = ['EMPTY_LEVEL', 'NO_SENDER'];

interface Props {
  clock: EscalationClock;
  levels: readonly EscalationLevelInput[];
  /** Buttons beside the one that starts the simulation. */
  children: ReactNode;
}

/** Simulates a policy with the current agents and contact channels; nobody is notified. */
export function PolicySimulation({ clock, levels, children }: Props) {
  const [, t] = useLanguage();
  const [simulated, setSimulated] = useState<{ inputKey: string; result: SimulationResult } | null>(null);
  const [error, setError] = useState<CombinedError | null>(null);
  const [busy, setBusy] = useState(false);
  const input = { clock, levels: levels.map(({ level, afterSeconds, channels }) => ({ level, afterSeconds, channels })) };
  const inputKey = JSON.stringify(input);
  const simulate = async () => {
    setBusy(true);
    const answer = await client.query(SimulatePolicyDocument, { input }).toPromise();
    setBusy(false);
    setError(answer.error ?? null);
    setSimulated(answer.data ? { inputKey, result: answer.data.simulateEscalationPolicy } : null);
  };
  // The result is hidden when the policy was changed after the simulation.
  const result = simulated?.inputKey === inputKey ? simulated.result : null;
  return (
    <>
      <div className="line">
        {children}
        <button type="button" disabled={busy} onClick={() => void simulate()} data-testid="simulate">
          {t('simulation.run')}
        </button>
      </div>
      {error && <ErrorNote error={error} />}
      {result && <Findings result={result} />}
    </>
  );
}

function Findings({ result: { levels, findings } }: { result: SimulationResult }) {
  const [, t] = useLanguage();
  // Findings about skills and supervisors do not name a level, because their text already implies it.
  const subject = ({ kind, level, user, skill }: Finding) =>
    [skill, user?.name, level !== null && LEVEL_KINDS.includes(kind) ? t('escalation.level', { level }) : null].filter(Boolean).join(' · ');
  return (
    <div className="simulation" role="status" data-testid="simulation">
      {levels.map(({ level, reachableCount, recipientCount }) => (
        <p key={level} className={reachableCount === 0 ? 'reachability none' : reachableCount < recipientCount ? 'reachability some' : 'reachability'}>
          <span>{t('escalation.level', { level })}</span>
          <meter min={0} max={Math.max(recipientCount, 1)} value={reachableCount} />
          <span>{t('simulation.reachableCount', { reachableCount, recipientCount })}</span>
        </p>
      ))}
      {findings.length === 0 && <p className="good">{t('simulation.noFindings')}</p>}
      {KINDS_BY_SEVERITY.map((kind) => [kind, findings.filter((finding) => finding.kind === kind)] as const)
        .filter(([, ofKind]) => ofKind.length > 0)
        .map(([kind, ofKind]) => (
          <div key={kind} className={ERROR_KINDS.includes(kind) ? 'note error' : 'note'} data-testid="finding" data-kind={kind}>
            <strong>{t(`finding.${kind}`)}</strong>
            <span className="tags">
              {ofKind.map((finding) => (
                <span key={subject(finding)} className="badge">
                  {subject(finding)}
                </span>
              ))}
            </span>
          </div>
        ))}
    </div>
  );
}
