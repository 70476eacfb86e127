import { useEffect, useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { explain } from '../api/action';
import { client } from '../api/client';
import { granted, session } from '../api/session';
import { AboutDocument, SignInDocument } from '../gql';
import { useLanguage } from '../i18n';
import { isOpen } from '../request/form';
import { LanguageChoice } from './LanguageChoice';

export function SignIn() {
  const [, t] = useLanguage();
  const [{ data }] = useQuery({ query: AboutDocument });
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [why, setWhy] = useState<string | null>(null);
  const [takesRequests, setTakesRequests] = useState(false);
  useEffect(() => {
    void isOpen().then(setTakesRequests);
  }, []);

  const enter = async (as: { email: string; password: string }) => {
    setBusy(true);
    setWhy(null);
    const answer = await client.mutation(SignInDocument, { input: as }).toPromise();
    setBusy(false);
    const next = answer.data && granted(answer.data.signIn);
    if (next) session.set(next);
    else if (answer.data) setWhy(answer.data.signIn.userErrors.map((e) => e.message).join(' '));
    else if (answer.error) setWhy(explain(t, answer.error));
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void enter({ email, password });
  };
  const demoPassword = data?.about.demoPassword;

  return (
    <main className="sign-in" id="content">
      <div className="corner">
        <LanguageChoice />
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
        {why && (
          <p className="note error" role="alert">
            {why}
          </p>
        )}
        <button data-testid="sign-in-submit" type="submit" className="primary" disabled={busy}>
          {t('sign-in.submit')}
        </button>
      </form>
      {takesRequests && (
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
                <button type="button" disabled={busy} onClick={() => void enter({ email: demo, password: demoPassword })}>
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
