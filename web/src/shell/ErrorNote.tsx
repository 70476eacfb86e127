import type { CombinedError } from '@urql/core';
import { describeError, type Action } from '../api/action';
import { useLanguage } from '../i18n';

/** An error while loading, with a retry button. */
export function ErrorNote({ error, onRetry }: { error: CombinedError; onRetry?: () => void }) {
  const [, t] = useLanguage();
  return (
    <div className="note error" role="alert">
      <span>{describeError(t, error)}</span>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {t('error.retry')}
        </button>
      )}
    </div>
  );
}

interface FormErrorsProps<R, I> {
  action: Action<R, I>;
  /** Shows the errors of this input field only. */
  field?: string;
  /** Shows all errors except those of these fields, which are shown beside the fields. */
  except?: readonly string[];
}

/** The errors of a form. */
export function FormErrors<R, I>({ action, field, except = [] }: FormErrorsProps<R, I>) {
  const [, t] = useLanguage();
  const messages = action.userErrors
    .filter(({ field: [errorField = ''] }) => (field === undefined ? !except.includes(errorField) : errorField === field))
    .map(({ code, message }) => (code === 'VERSION_CONFLICT' ? t('action.reload') : message));
  if (action.requestError && field === undefined) messages.push(action.requestError);
  if (messages.length === 0) return null;
  return (
    <ul className="note error" role="alert">
      {messages.map((message) => (
        <li key={message}>{message}</li>
      ))}
    </ul>
  );
}
