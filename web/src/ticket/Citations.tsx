import { Link } from 'wouter';
import type { CitationRowFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';

/** Solutions that were cited in a ticket. */
export function Citations({ citations }: { citations: readonly CitationRowFragment[] }) {
  const [lang, t] = useLanguage();
  if (citations.length === 0) return null;
  return (
    <section className="citations" data-testid="citations">
      <h2>{t('cite.title')}</h2>
      {citations.map((citation) => (
        <blockquote key={citation.id}>
          {citation.text === null ? <p className="quiet">{t('cite.hidden')}</p> : <p className="text">{citation.text}</p>}
          <footer className="quiet">
            {citation.source?.__typename === 'Ticket' && (
              <Link href={`/tickets/${citation.source.number}`}>
                #{citation.source.number} {citation.source.title}
              </Link>
            )}
            {citation.source?.__typename === 'KnowledgeCard' && (
              <Link href={`/knowledge/${citation.source.id}`}>{citation.source.title}</Link>
            )}{' '}
            · {citation.by.name} ·{' '}
            {formatDateTime(citation.at, lang)}
          </footer>
        </blockquote>
      ))}
    </section>
  );
}
