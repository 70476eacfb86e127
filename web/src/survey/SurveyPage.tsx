import { useState } from 'react';
import { useQuery } from 'urql';
import { useAction } from '../api/action';
import { AnswerSurveyDocument, SurveyDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote, FormErrors } from '../shell/ErrorNote';
import { LanguageSelect } from '../shell/LanguageSelect';
import { Stars } from '../ticket/Rating';

/** The page that a survey link opens. Opening it submits nothing; choosing a score does. */
export function SurveyPage({ token }: { token: string }) {
  const [, t] = useLanguage();
  const [{ data, error }] = useQuery({ query: SurveyDocument, variables: { token } });
  const action = useAction(AnswerSurveyDocument);
  const [submittedScore, setSubmittedScore] = useState<number | null>(null);
  const [comment, setComment] = useState('');
  const submitScore = async (score: number) => {
    const outcome = await action.run({ token, score, comment: comment === '' ? null : comment });
    if (outcome) setSubmittedScore(score);
  };
  const invalidLink = error?.graphQLErrors.some(({ extensions }) => extensions['code'] === 'NOT_FOUND') ?? false;
  const score = submittedScore ?? data?.survey.score ?? null;
  return (
    <main className="sign-in" id="content">
      <div className="corner">
        <LanguageSelect />
      </div>
      <section className="sheet" data-testid="survey">
        <h1>{t('rate.question')}</h1>
        {invalidLink && <p className="note">{t('rate.invalidLink')}</p>}
        {error && !invalidLink && <ErrorNote error={error} />}
        {data && (
          <>
            <p>
              <span className="number">#{data.survey.number}</span> {data.survey.title}
            </p>
            <Stars score={score} onChoose={action.busy ? null : (score) => void submitScore(score)} />
            <textarea rows={3} maxLength={2_000} aria-label={t('rate.comment')} placeholder={t('rate.comment')} value={comment} onChange={(e) => setComment(e.target.value)} />
            {score !== null && comment !== '' && (
              <button type="button" className="primary" disabled={action.busy} onClick={() => void submitScore(score)}>
                {t('rate.send')}
              </button>
            )}
            {score !== null && <p role="status">{t('rate.thanks')}</p>}
            <FormErrors action={action} />
          </>
        )}
      </section>
    </main>
  );
}
