import { useEffect, useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { describeError } from '../api/action';
import { client } from '../api/client';
import { toSession, session } from '../api/session';
import { AboutDocument, SignInDocument } from '../gql';
import { useLanguage } from '../i18n';
import { isRequestFormOpen } from '../request/form';
import { LanguageSelect } from './LanguageSelect';

export function SignIn() {
  const [, t] = useLanguage();
  const [{ data }] = useQuery({ query: AboutDocument });
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const [requestFormOpen, setRequestFormOpen] = useState(false);
  useEffect(() => {
    void isRequestFormOpen().then(setRequestFormOpen);
  }, []);

  const signIn = async (credentials: { email: string; password: string }) => {
    setBusy(true);
    setFailure(null);
    const answer = await client.mutation(SignInDocument, { input: credentials }).toPromise();
    setBusy(false);
    const newSession = answer.data && toSession(answer.data.signIn);
    if (newSession) session.set(newSession);
    else if (answer.data) setFailure(answer.data.signIn.userErrors.map((e) => e.message).join(' '));
    else if (answer.error) setFailure(describeError(t, answer.error));
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void signIn({ email, password });
  };
  const demoPassword = data?.about.demoPassword;

  return (
    <main className="sign-in" id="content">
      <div className="corner">
        <LanguageSelect />
      </div>
      <form onSubmit={submit} className="sheet">
        <h1>
          <img src="/buoy.svg" alt="" width="40" height="40" /> {t('app.name')}
        </h1>
        <p className="lead">{t('sign-in.lead')}</p>
        <label>
          {t('sign-in.email')}
          <input
            data-testid="sign-in-email"
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(e) => setEmail(e.target.value)}
          />
        </label>
        <label>
          {t('sign-in.password')}
          <input
            data-testid="sign-in-password"
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(e) => setPassword(e.target.value)}
          />
        </label>
        {failure && (
          <p className="note error" role="alert">
            {failure}
          </p>
        )}
        <button data-testid="sign-in-submit" type="submit" className="primary" disabled={busy}>
          {t('sign-in.submit')}
        </button>
      </form>
      {requestFormOpen && (
        <p className="no-account">
          <Link href="/request" data-testid="to-request">
            {t('sign-in.request')}
          </Link>
        </p>
      )}
      {data?.about.demo && demoPassword && (
        <section className="sheet demo">
          <p>{t('sign-in.demo')}</p>
          <ul>
            {data.about.demoSignIns.map((demo) => (
              <li key={demo}>
                <button type="button" disabled={busy} onClick={() => void signIn({ email: demo, password: demoPassword })}>
                  {demo}
                </button>
              </li>
            ))}
          </ul>
          <p className="quiet">
            {t('sign-in.password')}: <code>{demoPassword}</code>
          </p>
        </section>
      )}
    </main>
  );
}
