import { useState, type RefObject } from 'react';
import { useLanguage } from '../i18n';

/** Copies what an element says. Where the browser lets no page do that (without TLS), it is selected, to be copied by hand. */
export function Copy({ of, label }: { of: RefObject<HTMLElement | null>; label?: string }) {
  const [, t] = useLanguage();
  const [said, setSaid] = useState<'copy' | 'copied' | 'selected'>('copy');
  const copy = async () => {
    const element = of.current;
    if (!element) return;
    try {
      if (!('clipboard' in navigator)) throw new Error('no clipboard');
      await navigator.clipboard.writeText(element.textContent);
      setSaid('copied');
    } catch {
      getSelection()?.selectAllChildren(element);
      setSaid('selected');
    }
  };
  return (
    <button type="button" className="copy" aria-label={label && said === 'copy' ? `${t('copy')} ${label}` : undefined} onClick={() => void copy()}>
      <span aria-live="polite">{t(said)}</span>
    </button>
  );
}
