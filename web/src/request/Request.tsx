import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import { Link } from 'wouter';
import { useLanguage } from '../i18n';
import { Copy } from '../shell/Copy';
import { LanguageChoice } from '../shell/LanguageChoice';
import { EMPTY, askPass, isBlank, keep, recall, send, serves, spell, type Draft, type Kept, type Pass, type Problem } from './form';

/** Where anybody asks for help who has no account. */
export function Request() {
  const [lang, t] = useLanguage();
  const [kept, setKept] = useState<Kept>(recall);
  const [closed, setClosed] = useState<boolean | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  /** What the server keeps already without having made a ticket of it: not sent a second time. */
  const [held, setHeld] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { draft, done } = kept;
  const words = spell(draft);
  // Told to the tab at once: a reload may follow any letter.
  const change = (next: Partial<Kept>) => {
    setKept((before) => {
      const after = { ...before, ...next };
      keep(after);
      return after;
    });
  };

  useEffect(() => {
    let left = false;
    void askPass().then((answer) => {
      if (left) return;
      // Out of reach, it may be open: whoever has written their text tries again then.
      setClosed(answer === 'CLOSED');
      // A pass that was sent already stays: its answer may have been lost on the way.
      if (typeof answer !== 'string') setKept((before) => (before.pass?.spelt ? before : { ...before, pass: answer }));
    });
    return () => {
      left = true;
    };
  }, []);

  const passFor = async (): Promise<Pass | null> => {
    if (kept.pass && serves(kept.pass, words)) return kept.pass;
    const answer = await askPass();
    if (typeof answer !== 'string') return answer;
    setProblem({ kind: answer });
    return null;
  };
  const submit = async () => {
    const fresh = await passFor();
    if (!fresh) return;
    const pass = { ...fresh, spelt: words };
    change({ pass });
    const answer = await send(pass, words, lang);
    if (typeof answer === 'string') return change({ draft: EMPTY, pass: null, done: { ticket: answer, contact: draft.contact.trim() } });
    setProblem(answer);
    if (answer.kind === 'KEPT') setHeld(words);
    if (answer.kind !== 'EXPIRED') return;
    const next = await askPass();
    change({ pass: typeof next === 'string' ? null : next });
  };
  const submitted = (event: SubmitEvent) => {
    event.preventDefault();
    if (isBlank(draft)) return setProblem({ kind: 'BLANK' });
    setProblem(null);
    setBusy(true);
    void submit().finally(() => setBusy(false));
  };

  return (
    <main className="sign-in request" id="content">
      <div className="corner">
        <LanguageChoice />
      </div>
      {done ?
        <Done done={done} another={() => change({ done: null })} />
      : closed && isBlank(draft) ?
        <section className="sheet" data-testid="request-closed">
          <Head />
          <p className="note">{t('request.closed')}</p>
        </section>
      : <form className="sheet" data-testid="request" onSubmit={submitted}>
          <Head />
          <p className="lead">{t('request.lead')}</p>
          {closed && <p className="note">{t('request.closed')}</p>}
          <Fields draft={draft} change={(draft) => change({ draft })} />
          {problem && <Trouble problem={problem} />}
          <button type="submit" className="primary" disabled={busy || held === words} data-testid="request-send">
            {t(busy ? 'request.sending' : problem ? 'request.again' : 'request.send')}
          </button>
        </form>
      }
      <p className="quiet aside">
        <Link href="/">{t('request.sign-in')}</Link>
      </p>
    </main>
  );
}

function Head() {
  const [, t] = useLanguage();
  return (
    <h1>
      <img src="/buoy.svg" alt="" width="40" height="40" /> {t('request.title')}
    </h1>
  );
}

function Fields({ draft, change }: { draft: Draft; change: (draft: Draft) => void }) {
  const [, t] = useLanguage();
  return (
    <>
      <label>
        {t('request.subject')}
        <input required maxLength={200} value={draft.title} data-testid="request-title" onChange={(e) => change({ ...draft, title: e.target.value })} />
      </label>
      <label>
        {t('request.description')}
        <textarea
          required
          rows={6}
          maxLength={20_000}
          value={draft.description}
          data-testid="request-description"
          onChange={(e) => change({ ...draft, description: e.target.value })}
        />
      </label>
      <label>
        {t('request.contact')}
        <input
          required
          maxLength={200}
          value={draft.contact}
          placeholder={t('request.contact.such')}
          data-testid="request-contact"
          onChange={(e) => change({ ...draft, contact: e.target.value })}
        />
      </label>
    </>
  );
}

/** Why there is no number yet, and what to do. */
function Trouble({ problem }: { problem: Problem }) {
  const [, t] = useLanguage();
  const reference = 'reference' in problem ? problem.reference : null;
  return (
    <div className={problem.kind === 'KEPT' ? 'note' : 'note error'} role="alert" data-testid="request-problem" data-kind={problem.kind}>
      {'message' in problem && problem.message !== null && <p>{problem.message}</p>}
      {problem.kind === 'LATER' ?
        <p>{t('request.problem.LATER', { minutes: problem.minutes })}</p>
      : problem.kind !== 'REFUSED' && <p>{t(`request.problem.${problem.kind}`)}</p>}
      {reference !== null && (
        <p className="quiet">
          {t('request.reference')} <code>{reference}</code>
        </p>
      )}
    </div>
  );
}

function Done({ done: { ticket, contact }, another }: { done: { ticket: string; contact: string }; another: () => void }) {
  const [, t] = useLanguage();
  const title = useRef<HTMLHeadingElement>(null);
  const token = useRef<HTMLElement>(null);
  // Whoever cannot see the page is told where it went on.
  useEffect(() => title.current?.focus(), []);
  return (
    <section className="sheet" data-testid="request-done">
      <h1 ref={title} tabIndex={-1}>
        {t('request.done')}
      </h1>
      <p>{t('request.number')}</p>
      <p className="line">
        <strong className="token" ref={token} data-testid="request-token">
          {ticket}
        </strong>
        <Copy of={token} />
      </p>
      <h2>{t('request.next')}</h2>
      <ol>
        <li>{t('request.next.read')}</li>
        <li>{t('request.next.reach', { contact })}</li>
        <li>{t('request.next.number')}</li>
      </ol>
      <button type="button" onClick={another} data-testid="request-another">
        {t('request.another')}
      </button>
    </section>
  );
}
