import type { ReactNode } from 'react';

export interface Step {
  key: string | number;
  /** How it stands, as a class. */
  state: string;
  name: string;
  lines: readonly ReactNode[];
}

/** Steps on a line, from left to right. */
export function Steps({ steps, label }: { steps: readonly Step[]; label: string }) {
  return (
    <ol className="steps" aria-label={label}>
      {steps.map(({ key, state, name, lines }) => (
        <li key={key} className={state} data-testid="step" data-state={state}>
          <strong>{name}</strong>
          {lines.map((line, place) => (
            <span key={place} className="quiet">
              {line}
            </span>
          ))}
        </li>
      ))}
    </ol>
  );
}
