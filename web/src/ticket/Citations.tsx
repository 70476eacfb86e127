import { Link } from 'wouter';
import type { CitationRowFragment } from '../gql';
import { useLanguage } from '../i18n';
import { moment } from '../lib/clock';

/** The solutions that were copied into a ticket. */
export function Citations({ citations }: { citations: readonly CitationRowFragment[] }) {
  const [lang, t] = useLanguage();
  if (citations.length === 0) return null;
  return (
    <section className="citations" data-testid="citations">
      <h2>{t('cite.title')}</h2>
      {citations.map((citation) => (
        <blockquote key={citation.id}>
          <p className="text">{citation.text}</p>
          <footer className="quiet">
            {citation.case && (
              <Link href={`/tickets/${citation.case.number}`}>
                #{citation.case.number} {citation.case.title}
              </Link>
            )}
            {citation.card && <Link href={`/knowledge/${citation.card.id}`}>{citation.card.title}</Link>} · {citation.by.name} ·{' '}
            {moment(citation.at, lang)}
          </footer>
        </blockquote>
      ))}
    </section>
  );
}
