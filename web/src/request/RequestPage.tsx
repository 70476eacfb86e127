import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import { Link } from 'wouter';
import { useLanguage } from '../i18n';
import { CopyButton } from '../shell/CopyButton';
import { LanguageSelect } from '../shell/LanguageSelect';
import { EMPTY_DRAFT, requestPass, isBlank, storeForm, loadForm, submitRequest, isPassUsable, serializeDraft, type Draft, type FormState, type Pass, type Problem } from './form';

/** The request form for people without an account. */
export function RequestPage() {
  const [lang, t] = useLanguage();
  const [form, setForm] = useState<FormState>(loadForm);
  const [closed, setClosed] = useState<boolean | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  /** Content that the server has quarantined without creating a ticket. It is not sent a second time. */
  const [keptContent, setKeptContent] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { draft, done } = form;
  const content = serializeDraft(draft);
  // Stored on every keystroke, because the user may reload at any time.
  const update = (changes: Partial<FormState>) => {
    setForm((previous) => {
      const next = { ...previous, ...changes };
      storeForm(next);
      return next;
    });
  };

  useEffect(() => {
    let disposed = false;
    void requestPass().then((answer) => {
      if (disposed) return;
      // If the server is not reachable the form may be open, so the user can write and try again later.
      setClosed(answer === 'CLOSED');
      // A pass that was already sent is kept, because only its response may have been lost.
      if (typeof answer !== 'string') setForm((previous) => (previous.pass?.spelt ? previous : { ...previous, pass: answer }));
    });
    return () => {
      disposed = true;
    };
  }, []);

  const ensurePass = async (): Promise<Pass | null> => {
    if (form.pass && isPassUsable(form.pass, content)) return form.pass;
    const answer = await requestPass();
    if (typeof answer !== 'string') return answer;
    setProblem({ kind: answer });
    return null;
  };
  const submit = async () => {
    const usablePass = await ensurePass();
    if (!usablePass) return;
    const pass = { ...usablePass, spelt: content };
    update({ pass });
    const answer = await submitRequest(pass, content, lang);
    if ('ticket' in answer) return update({ draft: EMPTY_DRAFT, pass: null, done: { ...answer, contact: draft.contact.trim() } });
    setProblem(answer);
    if (answer.kind === 'KEPT') setKeptContent(content);
    if (answer.kind !== 'EXPIRED') return;
    const newPass = await requestPass();
    update({ pass: typeof newPass === 'string' ? null : newPass });
  };
  const handleSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    if (isBlank(draft)) return setProblem({ kind: 'BLANK' });
    setProblem(null);
    setBusy(true);
    void submit().finally(() => setBusy(false));
  };

  return (
    <main className="sign-in request" id="content">
      <div className="corner">
        <LanguageSelect />
      </div>
      {done ?
        <Confirmation done={done} onAnother={() => update({ done: null })} />
      : closed && isBlank(draft) ?
        <section className="sheet" data-testid="request-closed">
          <Heading />
          <p className="note">{t('request.closed')}</p>
        </section>
      : <form className="sheet" data-testid="request" onSubmit={handleSubmit}>
          <Heading />
          <p className="lead">{t('request.lead')}</p>
          {closed && <p className="note">{t('request.closed')}</p>}
          <Fields draft={draft} onChange={(draft) => update({ draft })} />
          {problem && <ProblemNote problem={problem} />}
          <button type="submit" className="primary" disabled={busy || keptContent === content} data-testid="request-send">
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

function Heading() {
  const [, t] = useLanguage();
  return (
    <h1>
      <img src="/buoy.svg" alt="" width="40" height="40" /> {t('request.title')}
    </h1>
  );
}

function Fields({ draft, onChange }: { draft: Draft; onChange: (draft: Draft) => void }) {
  const [, t] = useLanguage();
  return (
    <>
      <label>
        {t('request.subject')}
        <input required maxLength={200} value={draft.title} data-testid="request-title" onChange={(e) => onChange({ ...draft, title: e.target.value })} />
      </label>
      <label>
        {t('request.description')}
        <textarea
          required
          rows={6}
          maxLength={20_000}
          value={draft.description}
          data-testid="request-description"
          onChange={(e) => onChange({ ...draft, description: e.target.value })}
        />
      </label>
      <label>
        {t('request.contact')}
        <input
          required
          maxLength={200}
          value={draft.contact}
          placeholder={t('request.contact.placeholder')}
          data-testid="request-contact"
          onChange={(e) => onChange({ ...draft, contact: e.target.value })}
        />
      </label>
    </>
  );
}

/** Why there is no ticket number yet, and what to do. */
function ProblemNote({ problem }: { problem: Problem }) {
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

function Confirmation({ done: { ticket, link, contact }, onAnother }: { done: NonNullable<FormState['done']>; onAnother: () => void }) {
  const [, t] = useLanguage();
  const title = useRef<HTMLHeadingElement>(null);
  const token = useRef<HTMLElement>(null);
  // Moves the focus to the heading, so that screen readers announce the new page.
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
        <CopyButton source={token} />
      </p>
      {link !== null && (
        <p>
          {t('request.next.link')}{' '}
          <Link href={link} data-testid="request-link">
            {`${location.origin}${link}`}
          </Link>
        </p>
      )}
      <h2>{t('request.next')}</h2>
      <ol>
        <li>{t('request.next.read')}</li>
        <li>{t('request.next.reach', { contact })}</li>
        <li>{t('request.next.number')}</li>
      </ol>
      <button type="button" onClick={onAnother} data-testid="request-another">
        {t('request.another')}
      </button>
    </section>
  );
}
