import { useState, type ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { client } from '../api/client';
import { RehearseDocument, type EscalationClock, type EscalationLevelInput, type RehearsalFindingKind, type RehearseQuery } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';

type Rehearsed = RehearseQuery['rehearseEscalation'];
type Finding = Rehearsed['findings'][number];

/** What stops a policy first, what is a weakness last. */
const KINDS: readonly RehearsalFindingKind[] = [
  'EMPTY_LEVEL',
  'NO_SENDER',
  'NO_SUPERVISOR',
  'UNREACHABLE_PERSON',
  'SINGLE_SKILL_HOLDER',
];
const AT_LEVEL: readonly RehearsalFindingKind[] = ['EMPTY_LEVEL', 'NO_SENDER', 'UNREACHABLE_PERSON'];
const GRAVE: readonly RehearsalFindingKind[] = ['EMPTY_LEVEL', 'NO_SENDER'];

interface Props {
  clock: EscalationClock;
  levels: readonly EscalationLevelInput[];
  /** Buttons that stand beside the one that rehearses. */
  children: ReactNode;
}

/** Tries a policy on the roster as it is; nobody is told anything. */
export function Rehearsal({ clock, levels, children }: Props) {
  const [, t] = useLanguage();
  const [of, setOf] = useState<{ asked: string; found: Rehearsed } | null>(null);
  const [error, setError] = useState<CombinedError | null>(null);
  const [busy, setBusy] = useState(false);
  const input = { clock, levels: levels.map(({ level, afterSeconds, channels }) => ({ level, afterSeconds, channels })) };
  const asked = JSON.stringify(input);
  const rehearse = async () => {
    setBusy(true);
    const answer = await client.query(RehearseDocument, { input }).toPromise();
    setBusy(false);
    setError(answer.error ?? null);
    setOf(answer.data ? { asked, found: answer.data.rehearseEscalation } : null);
  };
  // What was rehearsed no longer stands there: it is not shown beside something else.
  const found = of?.asked === asked ? of.found : null;
  return (
    <>
      <div className="line">
        {children}
        <button type="button" disabled={busy} onClick={() => void rehearse()} data-testid="rehearse">
          {t('rehearsal.run')}
        </button>
      </div>
      {error && <ErrorNote error={error} />}
      {found && <Findings found={found} />}
    </>
  );
}

function Findings({ found: { levels, findings } }: { found: Rehearsed }) {
  const [, t] = useLanguage();
  // Skills and supervisors are no matter of a level: the words for them say which it touches.
  const what = ({ kind, level, user, skill }: Finding) =>
    [skill, user?.name, level !== null && AT_LEVEL.includes(kind) ? t('escalation.level', { level }) : null].filter(Boolean).join(' · ');
  return (
    <div className="rehearsal" role="status" data-testid="rehearsal">
      {levels.map(({ level, reached, of }) => (
        <p key={level} className={reached === 0 ? 'reach none' : reached < of ? 'reach some' : 'reach'}>
          <span>{t('escalation.level', { level })}</span>
          <meter min={0} max={Math.max(of, 1)} value={reached} />
          <span>{t('rehearsal.reached', { reached, of })}</span>
        </p>
      ))}
      {findings.length === 0 && <p className="good">{t('rehearsal.good')}</p>}
      {KINDS.map((kind) => [kind, findings.filter((finding) => finding.kind === kind)] as const)
        .filter(([, of]) => of.length > 0)
        .map(([kind, of]) => (
          <div key={kind} className={GRAVE.includes(kind) ? 'note error' : 'note'} data-testid="finding" data-kind={kind}>
            <strong>{t(`finding.${kind}`)}</strong>
            <span className="tags">
              {of.map((finding) => (
                <span key={what(finding)} className="badge">
                  {what(finding)}
                </span>
              ))}
            </span>
          </div>
        ))}
    </div>
  );
}
