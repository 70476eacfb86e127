import { useState } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation } from 'wouter';
import { nameOf, useCatalogue } from '../api/catalogue';
import { KnowledgeCardsDocument, type CardRowFragment, type KnowledgeCardOrder, type KnowledgeCardState } from '../gql';
import { useLanguage } from '../i18n';
import { formatPercent } from '../reports/format';
import { ErrorNote } from '../shell/ErrorNote';
import { KnowledgeGaps } from './KnowledgeGaps';

export const STATES: readonly KnowledgeCardState[] = ['DRAFT', 'REVIEWED', 'PUBLISHED', 'RETIRED'];
const ORDERS: readonly KnowledgeCardOrder[] = ['RANK', 'EXTRACTED_AT', 'CASES', 'CITATIONS'];
const PAGE_SIZE = 30;

/** All knowledge cards, the most reliable ones first. */
export function Knowledge({ writes }: { writes: boolean }) {
  const [, t] = useLanguage();
  const [, navigate] = useLocation();
  const [state, setState] = useState<KnowledgeCardState | ''>('');
  const [orderBy, setOrderBy] = useState<KnowledgeCardOrder>('RANK');
  const [text, setText] = useState('');
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const restartWith = (change: () => void) => {
    change();
    setPages([null]);
  };
  const filter = { ...(state === '' ? {} : { state: [state] }), ...(text === '' ? {} : { text }) };
  return (
    <>
      <div className="toolbar">
        <h1>{t('nav.knowledge')}</h1>
        <select aria-label={t('card.state')} value={state} onChange={(e) => restartWith(() => setState(e.target.value as KnowledgeCardState | ''))} data-testid="card-state">
          <option value="">{t('card.state.all')}</option>
          {STATES.map((key) => (
            <option key={key} value={key}>
              {t(`card.state.${key}`)}
            </option>
          ))}
        </select>
        <select aria-label={t('card.order')} value={orderBy} onChange={(e) => restartWith(() => setOrderBy(e.target.value as KnowledgeCardOrder))}>
          {ORDERS.map((key) => (
            <option key={key} value={key}>
              {t(`card.order.${key}`)}
            </option>
          ))}
        </select>
        <input type="search" maxLength={200} placeholder={t('card.find')} aria-label={t('card.find')} value={text} onChange={(e) => restartWith(() => setText(e.target.value))} />
        {writes && (
          <button type="button" className="primary" onClick={() => navigate('/knowledge/new')} data-testid="card-new">
            {t('card.new')}
          </button>
        )}
      </div>
      <p className="quiet pad">{t('card.help')}</p>
      <KnowledgeGaps />
      <ol className="knowledge-cards" data-testid="cards">
        {pages.map((after, i) => (
          <CardListPage
            key={`${after ?? ''} ${orderBy} ${state} ${text}`}
            variables={{ filter, orderBy, first: PAGE_SIZE, after }}
            last={i === pages.length - 1}
            onMore={(end) => setPages([...pages, end])}
          />
        ))}
      </ol>
    </>
  );
}

interface PageProps {
  variables: { filter: object; orderBy: KnowledgeCardOrder; first: number; after: string | null };
  last: boolean;
  onMore: (end: string) => void;
}

function CardListPage({ variables, last, onMore }: PageProps) {
  const [, t] = useLanguage();
  const [{ data, error, fetching }] = useQuery({ query: KnowledgeCardsDocument, variables });
  if (error) return <ErrorNote error={error} />;
  if (fetching || !data) return <li className="quiet">{t('loading')}</li>;
  const { nodes, pageInfo } = data.knowledgeCards;
  if (nodes.length === 0 && variables.after === null) return <li className="quiet">{t('card.none')}</li>;
  const end = pageInfo.endCursor;
  return (
    <>
      {nodes.map((card) => (
        <CardRow key={card.id} card={card} />
      ))}
      {last && pageInfo.hasNextPage && end && (
        <li>
          <button type="button" onClick={() => onMore(end)}>
            {t('more')}
          </button>
        </li>
      )}
    </>
  );
}

function CardRow({ card }: { card: CardRowFragment }) {
  const [, t] = useLanguage();
  const { solutionTags } = useCatalogue();
  return (
    <li className="panel knowledge" data-testid="knowledge-card">
      <p className="line">
        <span className={`badge card-state ${card.state}`}>{t(`card.state.${card.state}`)}</span>
        <Link href={`/knowledge/${card.id}`}>
          <strong>{card.title}</strong>
        </Link>
      </p>
      <p className="quiet">
        {card.appliesTo} · {card.solutionTags.map((key) => nameOf(solutionTags, key)).join(', ')}
      </p>
      <p className="text clip">{card.solution}</p>
      <CardReliability card={card} />
    </li>
  );
}

/** How often the card was used, and how reliable its solution is. */
export function CardReliability({ card }: { card: CardRowFragment }) {
  const [lang, t] = useLanguage();
  return (
    <div className="reliability">
      <span>{t('card.cases', { count: card.caseCount })}</span>
      <span>{t('card.citations', { count: card.citationCount })}</span>
      {card.survival.map(({ days, survived, failed, pending, value, lowerBound }) => (
        <span key={days} title={t('card.survival.help', { survived, failed, pending })}>
          {t('card.survival', { days })}{' '}
          {value === null || lowerBound === null ? (
            <span className="quiet">{t('none')}</span>
          ) : (
            <>
              <meter min={0} max={1} low={0.5} high={0.8} optimum={1} value={lowerBound} aria-label={t('card.survival', { days })} />{' '}
              {t('card.survival.value', { value: formatPercent(lang, value), least: formatPercent(lang, lowerBound) })}
            </>
          )}
        </span>
      ))}
    </div>
  );
}
