import { useState } from 'react';
import { useQuery } from 'urql';
import { useAction } from '../api/action';
import { AnswerSurveyDocument, SurveyDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote, Refusals } from '../shell/ErrorNote';
import { LanguageChoice } from '../shell/LanguageChoice';
import { Stars } from '../ticket/Rating';

/** The page behind the link of a survey: opening it answers nothing, one tap does. */
export function Rate({ token }: { token: string }) {
  const [, t] = useLanguage();
  const [{ data, error }] = useQuery({ query: SurveyDocument, variables: { token } });
  const action = useAction(AnswerSurveyDocument);
  const [given, setGiven] = useState<number | null>(null);
  const [comment, setComment] = useState('');
  const answer = async (score: number) => {
    const done = await action.run({ token, score, comment: comment === '' ? null : comment });
    if (done) setGiven(score);
  };
  const gone = error?.graphQLErrors.some(({ extensions }) => extensions['code'] === 'NOT_FOUND') ?? false;
  const score = given ?? data?.survey.score ?? null;
  return (
    <main className="sign-in" id="content">
      <div className="corner">
        <LanguageChoice />
      </div>
      <section className="sheet" data-testid="survey">
        <h1>{t('rate.ask')}</h1>
        {gone && <p className="note">{t('rate.gone')}</p>}
        {error && !gone && <ErrorNote error={error} />}
        {data && (
          <>
            <p>
              <span className="number">#{data.survey.number}</span> {data.survey.title}
            </p>
            <Stars score={score} choose={action.busy ? null : (score) => void answer(score)} />
            <textarea rows={3} maxLength={2_000} aria-label={t('rate.comment')} placeholder={t('rate.comment')} value={comment} onChange={(e) => setComment(e.target.value)} />
            {score !== null && comment !== '' && (
              <button type="button" className="primary" disabled={action.busy} onClick={() => void answer(score)}>
                {t('rate.send')}
              </button>
            )}
            {score !== null && <p role="status">{t('rate.thanks')}</p>}
            <Refusals action={action} />
          </>
        )}
      </section>
    </main>
  );
}
