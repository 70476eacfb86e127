import type { ReactNode } from 'react';

export interface Step {
  key: string | number;
  /** The state, used as CSS class. */
  state: string;
  name: string;
  lines: readonly ReactNode[];
}

/** Steps on a horizontal line. */
export function Stepper({ steps, label }: { steps: readonly Step[]; label: string }) {
  return (
    <ol className="steps" aria-label={label}>
      {steps.map(({ key, state, name, lines }) => (
        <li key={key} className={state} data-testid="step" data-state={state}>
          <strong>{name}</strong>
          {lines.map((line, index) => (
            <span key={index} className="quiet">
              {line}
            </span>
          ))}
        </li>
      ))}
    </ol>
  );
}
