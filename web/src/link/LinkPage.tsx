import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { useAction } from '../api/action';
import { ChaseByLinkDocument, RateByLinkDocument, ReopenByLinkDocument, ReplyByLinkDocument, TicketByLinkDocument, type LinkedTicketFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTimeShort, usePolling } from '../lib/time';
import { ErrorNote, FormErrors } from '../shell/ErrorNote';
import { LanguageSelect } from '../shell/LanguageSelect';
import { Stars } from '../ticket/Rating';

const REFRESH_MS = 30_000;

/** A ticket for its requester, who opened the link in a message and does not sign in. */
export function LinkPage({ link }: { link: string }) {
  const [, t] = useLanguage();
  const [{ data, error }, refresh] = useQuery({ query: TicketByLinkDocument, variables: { link } });
  usePolling(() => refresh({ requestPolicy: 'network-only' }), REFRESH_MS);
  const [changed, setChanged] = useState<LinkedTicketFragment | null>(null);
  const invalidLink = error?.graphQLErrors.some(({ extensions }) => extensions['code'] === 'NOT_FOUND') ?? false;
  // The answer to an action is newer than what was queried before it.
  const queried = data?.ticketByLink ?? null;
  const ticket = changed && (!queried || queried.updatedAt <= changed.updatedAt) ? changed : queried;
  return (
    <main className="sign-in linked" id="content">
      <div className="corner">
        <LanguageSelect />
      </div>
      <section className="sheet" data-testid="linked">
        {invalidLink && <p className="note">{t('link.invalid')}</p>}
        {error && !invalidLink && !ticket && <ErrorNote error={error} />}
        {ticket && <LinkedTicket link={link} ticket={ticket} onChange={setChanged} />}
      </section>
    </main>
  );
}

interface LinkedTicketProps {
  link: string;
  ticket: LinkedTicketFragment;
  onChange: (ticket: LinkedTicketFragment) => void;
}

function LinkedTicket({ link, ticket, onChange }: LinkedTicketProps) {
  const [lang, t] = useLanguage();
  return (
    <>
      <header>
        <p className="quiet">
          <span className="number">#{ticket.number}</span> <span className={`status ${ticket.status}`}>{t(`status.${ticket.status}`)}</span>
        </p>
        <h1>{ticket.title}</h1>
      </header>
      <NextStep ticket={ticket} />
      {ticket.resolution !== null && (
        <>
          <h2>{t('link.resolution')}</h2>
          <p className="text" data-testid="linked-resolution">
            {ticket.resolution}
          </p>
        </>
      )}
      <h2>{t('link.conversation')}</h2>
      <ol className="linked-comments">
        <li className="own">
          <p className="quiet">{formatDateTimeShort(ticket.createdAt, lang)}</p>
          <p className="text">{ticket.description}</p>
        </li>
        {ticket.comments.map((comment) => (
          <li key={comment.createdAt + comment.body} className={comment.isOwn ? 'own' : ''} data-testid="linked-comment">
            <p className="quiet">
              {comment.isOwn ? t('link.you') : comment.authorName} · {formatDateTimeShort(comment.createdAt, lang)}
            </p>
            <p className="text">{comment.body}</p>
          </li>
        ))}
      </ol>
      <Reply link={link} ticket={ticket} onChange={onChange} />
      {ticket.canRate && <Rate link={link} ticket={ticket} onChange={onChange} />}
    </>
  );
}

/** Who has the ticket, and what comes next. */
function NextStep({ ticket }: { ticket: LinkedTicketFragment }) {
  const [lang, t] = useLanguage();
  const by = (at: string | null | undefined) => (at ? formatDateTimeShort(at, lang) : null);
  const [respondBy, resolveBy] = [by(ticket.respondBy), by(ticket.resolveBy)];
  return (
    <div className="note" data-testid="linked-next">
      {ticket.status === 'WAITING' ?
        <p>
          <strong>{t('link.next.WAITING')}</strong> {ticket.waitingReason}
        </p>
      : <p>{t(`link.next.${ticket.status}`)}</p>}
      {ticket.assigneeName !== null && <p>{t('link.assignee', { name: ticket.assigneeName })}</p>}
      {respondBy !== null && <p>{t('link.respondBy', { time: respondBy })}</p>}
      {respondBy === null && resolveBy !== null && <p>{t('link.resolveBy', { time: resolveBy })}</p>}
    </div>
  );
}

function Reply({ link, ticket, onChange }: LinkedTicketProps) {
  const [, t] = useLanguage();
  const [body, setBody] = useState('');
  const [chased, setChased] = useState(false);
  const reply = useAction(ReplyByLinkDocument);
  const reopen = useAction(ReopenByLinkDocument);
  const chase = useAction(ChaseByLinkDocument);
  const busy = reply.busy || reopen.busy || chase.busy;
  const send = async () => {
    const outcome = ticket.canReopen ? await reopen.run({ link, reason: body }) : await reply.run({ link, body });
    if (!outcome?.ticket) return;
    setBody('');
    onChange(outcome.ticket);
  };
  const askAgain = async () => {
    const outcome = await chase.run({ link });
    if (!outcome?.ticket) return;
    setChased(true);
    onChange(outcome.ticket);
  };
  const handleSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    if (body.trim() !== '') void send();
  };
  return (
    <form onSubmit={handleSubmit}>
      <label>
        {t(ticket.canReopen ? 'link.stillWrong' : 'link.reply')}
        <textarea rows={3} maxLength={ticket.canReopen ? 2_000 : 20_000} value={body} onChange={(e) => setBody(e.target.value)} data-testid="linked-body" />
      </label>
      <p className="line">
        <button type="submit" className="primary" disabled={busy || body.trim() === ''} data-testid="linked-send">
          {t(ticket.canReopen ? 'link.reopen' : 'link.send')}
        </button>
        {ticket.canChase && (
          <button type="button" disabled={busy || chased} onClick={() => void askAgain()} data-testid="linked-chase">
            {t('link.chase')}
          </button>
        )}
      </p>
      {chased && <p role="status">{t('link.chased')}</p>}
      <FormErrors action={reply} />
      <FormErrors action={reopen} />
      <FormErrors action={chase} />
    </form>
  );
}

function Rate({ link, ticket, onChange }: LinkedTicketProps) {
  const [, t] = useLanguage();
  const action = useAction(RateByLinkDocument);
  const submit = async (score: number) => {
    const outcome = await action.run({ link, score });
    if (outcome?.ticket) onChange(outcome.ticket);
  };
  return (
    <>
      <h2>{t('rate.question')}</h2>
      <Stars score={ticket.score ?? null} onChoose={action.busy ? null : (score) => void submit(score)} />
      {ticket.score !== null && <p role="status">{t('rate.thanks')}</p>}
      <FormErrors action={action} />
    </>
  );
}
