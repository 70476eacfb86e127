import { useState, type RefObject } from 'react';
import { useLanguage } from '../i18n';

/** Copies the text of an element. Where the clipboard is not available (without TLS), the text is selected instead. */
export function CopyButton({ source, label }: { source: RefObject<HTMLElement | null>; label?: string }) {
  const [, t] = useLanguage();
  const [state, setState] = useState<'copy' | 'copied' | 'selected'>('copy');
  const copy = async () => {
    const element = source.current;
    if (!element) return;
    try {
      if (!('clipboard' in navigator)) throw new Error('no clipboard');
      await navigator.clipboard.writeText(element.textContent);
      setState('copied');
    } catch {
      getSelection()?.selectAllChildren(element);
      setState('selected');
    }
  };
  return (
    <button type="button" className="copy" aria-label={label && state === 'copy' ? `${t('copy')} ${label}` : undefined} onClick={() => void copy()}>
      <span aria-live="polite">{t(state)}</span>
    </button>
  );
}
