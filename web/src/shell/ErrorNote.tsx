import type { CombinedError } from '@urql/core';
import { explain, type Action } from '../api/action';
import { useLanguage } from '../i18n';

/** Something could not be loaded: why, and a way on. */
export function ErrorNote({ error, again }: { error: CombinedError; again?: () => void }) {
  const [, t] = useLanguage();
  return (
    <div className="note error" role="alert">
      <span>{explain(t, error)}</span>
      {again && (
        <button type="button" onClick={again}>
          {t('error.retry')}
        </button>
      )}
    </div>
  );
}

interface RefusalsProps<R, I> {
  action: Action<R, I>;
  /** Only what is wrong with this field of the input. */
  at?: string;
  /** All but what is wrong with these, which is said at them. */
  besides?: readonly string[];
}

/** Why a form was not accepted. */
export function Refusals<R, I>({ action, at, besides = [] }: RefusalsProps<R, I>) {
  const [, t] = useLanguage();
  const messages = action.refusals
    .filter(({ field: [field = ''] }) => (at === undefined ? !besides.includes(field) : field === at))
    .map(({ code, message }) => (code === 'VERSION_CONFLICT' ? t('action.reload') : message));
  if (action.failure && at === undefined) messages.push(action.failure);
  if (messages.length === 0) return null;
  return (
    <ul className="note error" role="alert">
      {messages.map((message) => (
        <li key={message}>{message}</li>
      ))}
    </ul>
  );
}
