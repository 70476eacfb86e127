/** The comments and the activity log of a ticket. */
import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { client } from '../api/client';
import {
  AddCommentDocument,
  EarlierCommentsDocument,
  EarlierEventsDocument,
  type CommentRowFragment,
  type CommentVisibility,
  type TicketPageFragment,
  type EventRowFragment,
} from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';

interface Props {
  page: TicketPageFragment;
  onChange: (page: TicketPageFragment) => void;
}

interface Rows<Row> {
  nodes: Row[];
  pageInfo: { hasPreviousPage: boolean; startCursor: string | null };
}

/** The newest rows from the page, preceded by the earlier rows that the user loaded. */
function useEarlierRows<Row>(newest: Rows<Row>, key: (row: Row) => string, load: (before: string) => Promise<Rows<Row> | undefined>) {
  const [earlier, setEarlier] = useState<Rows<Row> | null>(null);
  const { pageInfo } = earlier ?? newest;
  const startCursor = pageInfo.hasPreviousPage ? pageInfo.startCursor : null;
  const newestKeys = new Set(newest.nodes.map(key));
  const rows = [...(earlier?.nodes ?? []).filter((row) => !newestKeys.has(key(row))), ...newest.nodes];
  const loadMore = async (before: string) => {
    const found = await load(before);
    if (found) setEarlier({ nodes: [...found.nodes, ...rows], pageInfo: found.pageInfo });
  };
  return { rows, loadMore: startCursor === null ? null : () => void loadMore(startCursor) };
}

export function Comments({ page, onChange }: Props) {
  const [lang, t] = useLanguage();
  const { rows, loadMore } = useEarlierRows<CommentRowFragment>(
    page.comments,
    (row) => row.id,
    async (before) => (await client.query(EarlierCommentsDocument, { id: page.id, before }).toPromise()).data?.ticket?.comments,
  );
  return (
    <section className="comments">
      <h2>{t('ticket.comments')}</h2>
      {loadMore && (
        <button type="button" onClick={loadMore}>
          {t('earlier')}
        </button>
      )}
      {rows.length === 0 && <p className="quiet">{t('ticket.comments.none')}</p>}
      <ol>
        {rows.map((row) => (
          <li key={row.id} className={row.visibility} data-testid="comment">
            <p className="quiet">
              <strong>{row.author.name}</strong> · {formatDateTime(row.createdAt, lang)}
              {row.visibility === 'INTERNAL' && <span className="badge">{t('comment.internal')}</span>}
            </p>
            <p className="text">{row.body}</p>
          </li>
        ))}
      </ol>
      <CommentForm page={page} onChange={onChange} />
    </section>
  );
}

function CommentForm({ page, onChange }: Props) {
  const [, t] = useLanguage();
  const action = useAction(AddCommentDocument);
  const [body, setBody] = useState('');
  const allowed = ([['PUBLIC', 'COMMENT'], ['INTERNAL', 'COMMENT_INTERNALLY']] as const).filter(([, requiredAction]) =>
    page.allowedActions.includes(requiredAction),
  );
  const [selected, setSelected] = useState<CommentVisibility>('PUBLIC');
  const visibility = allowed.some(([key]) => key === selected) ? selected : allowed[0]?.[0];
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
      <FormErrors action={action} />
      <div className="line">
        {allowed.length > 1 && (
          <select
            aria-label={t(`comment.${visibility}`)}
            value={visibility}
            onChange={(event) => setSelected(event.target.value as CommentVisibility)}
          >
            {allowed.map(([key]) => (
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

export function ActivityLog({ page }: { page: TicketPageFragment }) {
  const [lang, t] = useLanguage();
  const { rows, loadMore } = useEarlierRows<EventRowFragment>(
    page.events,
    (row) => row.cursor,
    async (before) => (await client.query(EarlierEventsDocument, { id: page.id, before }).toPromise()).data?.ticket?.events,
  );
  const label = (field: string, value: string | null) => (value === null ? t('none') : enumLabel(t, field, value));
  return (
    <section className="activity-log">
      <h2>{t('ticket.activity')}</h2>
      {loadMore && (
        <button type="button" onClick={loadMore}>
          {t('earlier')}
        </button>
      )}
      <ol>
        {rows.map((row) => (
          <li key={row.cursor} data-testid="event">
            <strong>{enumLabel(t, 'event', row.kind)}</strong>{' '}
            <span className="quiet">
              {[row.actor?.name, formatDateTime(row.at, lang)].filter(Boolean).join(' · ')}
            </span>
            {row.changes
              .filter(({ field }) => ['status', 'priority', 'externalRef'].includes(field))
              .map(({ field, from, to }) => (
                <div key={field} className="quiet">
                  {label(field, from)} → {label(field, to)}
                </div>
              ))}
          </li>
        ))}
      </ol>
    </section>
  );
}
