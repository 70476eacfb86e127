/** What was written to a ticket, and what happened to it. */
import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { client } from '../api/client';
import {
  AddCommentDocument,
  EarlierCommentsDocument,
  EarlierEventsDocument,
  type CommentRowFragment,
  type CommentVisibility,
  type PageFragment,
  type TrailRowFragment,
} from '../gql';
import { named, useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { Refusals } from '../shell/ErrorNote';

interface Props {
  page: PageFragment;
  onChange: (page: PageFragment) => void;
}

interface Rows<Row> {
  nodes: Row[];
  pageInfo: { hasPreviousPage: boolean; startCursor: string | null };
}

/** The newest rows, as the page has them, behind those that the reader asked for. */
function useEarlier<Row>(newest: Rows<Row>, key: (row: Row) => string, load: (before: string) => Promise<Rows<Row> | undefined>) {
  const [earlier, setEarlier] = useState<Rows<Row> | null>(null);
  const { pageInfo } = earlier ?? newest;
  const start = pageInfo.hasPreviousPage ? pageInfo.startCursor : null;
  const known = new Set(newest.nodes.map(key));
  const rows = [...(earlier?.nodes ?? []).filter((row) => !known.has(key(row))), ...newest.nodes];
  const more = async (before: string) => {
    const found = await load(before);
    if (found) setEarlier({ nodes: [...found.nodes, ...rows], pageInfo: found.pageInfo });
  };
  return { rows, more: start === null ? null : () => void more(start) };
}

export function Comments({ page, onChange }: Props) {
  const [lang, t] = useLanguage();
  const { rows, more } = useEarlier<CommentRowFragment>(
    page.comments,
    (row) => row.id,
    async (before) => (await client.query(EarlierCommentsDocument, { id: page.id, before }).toPromise()).data?.ticket?.comments,
  );
  return (
    <section className="comments">
      <h2>{t('ticket.comments')}</h2>
      {more && (
        <button type="button" onClick={more}>
          {t('earlier')}
        </button>
      )}
      {rows.length === 0 && <p className="quiet">{t('ticket.comments.none')}</p>}
      <ol>
        {rows.map((row) => (
          <li key={row.id} className={row.visibility} data-testid="comment">
            <p className="quiet">
              <strong>{row.author.name}</strong> · {moment(row.createdAt, lang)}
              {row.visibility === 'INTERNAL' && <span className="badge">{t('comment.internal')}</span>}
            </p>
            <p className="text">{row.body}</p>
          </li>
        ))}
      </ol>
      <Write page={page} onChange={onChange} />
    </section>
  );
}

function Write({ page, onChange }: Props) {
  const [, t] = useLanguage();
  const action = useAction(AddCommentDocument);
  const [body, setBody] = useState('');
  const may = ([['PUBLIC', 'COMMENT'], ['INTERNAL', 'COMMENT_INTERNALLY']] as const).filter(([, act]) =>
    page.allowedActions.includes(act),
  );
  const [chosen, setChosen] = useState<CommentVisibility>('PUBLIC');
  const visibility = may.some(([key]) => key === chosen) ? chosen : may[0]?.[0];
  if (!visibility) return null;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const answer = await action.run({ ticketId: page.id, body, visibility });
    if (!answer?.ticket) return;
    setBody('');
    onChange(answer.ticket);
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)}>
      <label>
        {t('comment.body')}
        <textarea
          required
          rows={3}
          maxLength={20_000}
          value={body}
          data-testid="comment-body"
          onChange={(event) => setBody(event.target.value)}
        />
      </label>
      <Refusals action={action} />
      <div className="line">
        {may.length > 1 && (
          <select
            aria-label={t(`comment.${visibility}`)}
            value={visibility}
            onChange={(event) => setChosen(event.target.value as CommentVisibility)}
          >
            {may.map(([key]) => (
              <option key={key} value={key}>
                {t(`comment.${key}`)}
              </option>
            ))}
          </select>
        )}
        <button type="submit" disabled={action.busy} data-testid="comment-send">
          {t('comment.send')}
        </button>
      </div>
    </form>
  );
}

export function Trail({ page }: { page: PageFragment }) {
  const [lang, t] = useLanguage();
  const { rows, more } = useEarlier<TrailRowFragment>(
    page.events,
    (row) => row.cursor,
    async (before) => (await client.query(EarlierEventsDocument, { id: page.id, before }).toPromise()).data?.ticket?.events,
  );
  const word = (field: string, value: string | null) => (value === null ? t('none') : named(t, field, value));
  return (
    <section className="trail">
      <h2>{t('ticket.trail')}</h2>
      {more && (
        <button type="button" onClick={more}>
          {t('earlier')}
        </button>
      )}
      <ol>
        {rows.map((row) => (
          <li key={row.cursor} data-testid="event">
            <strong>{named(t, 'event', row.kind)}</strong>{' '}
            <span className="quiet">
              {[row.actor?.name, moment(row.at, lang)].filter(Boolean).join(' · ')}
            </span>
            {row.changes
              .filter(({ field }) => field === 'status' || field === 'priority')
              .map(({ field, from, to }) => (
                <div key={field} className="quiet">
                  {word(field, from)} → {word(field, to)}
                </div>
              ))}
          </li>
        ))}
      </ol>
    </section>
  );
}
