import { useState } from 'react';
import { useAction } from '../api/action';
import { RateTicketDocument, type TicketPageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { FormErrors } from '../shell/ErrorNote';

export const SCORES = [1, 2, 3, 4, 5] as const;

/** The satisfaction rating. The requester chooses a score and may add a comment; others see it read-only. */
export function Rating({ page, onChange }: { page: TicketPageFragment; onChange: (page: TicketPageFragment) => void }) {
  const [, t] = useLanguage();
  const action = useAction(RateTicketDocument);
  const rating = page.rating;
  const [comment, setComment] = useState(rating?.comment ?? '');
  const canRate = page.allowedActions.includes('RATE');
  if (!canRate && !rating) return null;
  const score = rating?.score ?? null;
  const rate = async (score: number) => {
    const answer = await action.run({ ticketId: page.id, score, comment: comment === '' ? null : comment });
    if (answer?.ticket) onChange(answer.ticket);
  };
  return (
    <section className="panel rating" data-testid="rating">
      <h2>{t(canRate ? 'rate.question' : 'rate.title')}</h2>
      <Stars score={score} onChoose={canRate && !action.busy ? (score) => void rate(score) : null} />
      {canRate ? (
        <textarea rows={2} maxLength={2_000} aria-label={t('rate.comment')} placeholder={t('rate.comment')} value={comment} onChange={(e) => setComment(e.target.value)} />
      ) : (
        <p className={rating?.comment ? 'text' : 'quiet'}>{rating?.comment ?? (score === null ? t('rate.waiting') : '')}</p>
      )}
      {canRate && score !== null && <p role="status">{t('rate.thanks')}</p>}
      <FormErrors action={action} />
    </section>
  );
}

/** One to five stars; `onChoose` is null where the user may not rate. */
export function Stars({ score, onChoose }: { score: number | null; onChoose: ((score: number) => void) | null }) {
  const [, t] = useLanguage();
  return (
    <div className="stars" role="group" aria-label={t('rate.title')}>
      {SCORES.map((n) => (
        <button
          key={n}
          type="button"
          disabled={onChoose === null}
          aria-pressed={score === n}
          className={score !== null && n <= score ? 'on' : ''}
          title={t(`rate.${n}`)}
          data-testid={`score-${n}`}
          onClick={() => onChoose?.(n)}
        >
          ★
        </button>
      ))}
      <span className="quiet">{score === null ? '' : t(`rate.${score as (typeof SCORES)[number]}`)}</span>
    </div>
  );
}
