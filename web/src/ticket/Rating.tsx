import { useState } from 'react';
import { useAction } from '../api/action';
import { RateTicketDocument, type PageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { Refusals } from '../shell/ErrorNote';

export const SCORES = [1, 2, 3, 4, 5] as const;

/** How content the asking side is: one tap; a comment where they like. Others read it. */
export function Rating({ page, onChange }: { page: PageFragment; onChange: (page: PageFragment) => void }) {
  const [, t] = useLanguage();
  const action = useAction(RateTicketDocument);
  const rating = page.rating;
  const [comment, setComment] = useState(rating?.comment ?? '');
  const may = page.allowedActions.includes('RATE');
  if (!may && !rating) return null;
  const score = rating?.score ?? null;
  const rate = async (score: number) => {
    const answer = await action.run({ ticketId: page.id, score, comment: comment === '' ? null : comment });
    if (answer?.ticket) onChange(answer.ticket);
  };
  return (
    <section className="panel rating" data-testid="rating">
      <h2>{t(may ? 'rate.ask' : 'rate.title')}</h2>
      <Stars score={score} choose={may && !action.busy ? (score) => void rate(score) : null} />
      {may ? (
        <textarea rows={2} maxLength={2_000} aria-label={t('rate.comment')} placeholder={t('rate.comment')} value={comment} onChange={(e) => setComment(e.target.value)} />
      ) : (
        <p className={rating?.comment ? 'text' : 'quiet'}>{rating?.comment ?? (score === null ? t('rate.waiting') : '')}</p>
      )}
      {may && score !== null && <p role="status">{t('rate.thanks')}</p>}
      <Refusals action={action} />
    </section>
  );
}

/** One to five; `choose` is null where nobody may. */
export function Stars({ score, choose }: { score: number | null; choose: ((score: number) => void) | null }) {
  const [, t] = useLanguage();
  return (
    <div className="stars" role="group" aria-label={t('rate.title')}>
      {SCORES.map((n) => (
        <button
          key={n}
          type="button"
          disabled={choose === null}
          aria-pressed={score === n}
          className={score !== null && n <= score ? 'on' : ''}
          title={t(`rate.${n}`)}
          data-testid={`score-${n}`}
          onClick={() => choose?.(n)}
        >
          ★
        </button>
      ))}
      <span className="quiet">{score === null ? '' : t(`rate.${score as (typeof SCORES)[number]}`)}</span>
    </div>
  );
}
