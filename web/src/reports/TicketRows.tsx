import type { ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import type { TicketStatus } from '../gql';
import { useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { ErrorNote } from '../shell/ErrorNote';

interface Row {
  id: string;
  number: number;
  title: string;
  status: TicketStatus;
  assignee: { name: string } | null;
  /** When it was created, or resolved. */
  at: string | null;
}

interface Props {
  rows: readonly Row[] | null;
  error: CombinedError | undefined;
  /** The way to the next page; `null` where there is none. */
  more: (() => void) | null;
}

/** A page of the tickets behind a figure. */
export function TicketRows({ rows, error, more }: Props) {
  const [lang, t] = useLanguage();
  const whole = (content: ReactNode) => (
    <tr>
      <td colSpan={4}>{content}</td>
    </tr>
  );
  if (error) return whole(<ErrorNote error={error} />);
  if (!rows) return whole(t('loading'));
  if (rows.length === 0) return whole(t('board.empty'));
  return (
    <>
      {rows.map(({ id, number, title, status, assignee, at }) => (
        <tr key={id}>
          <td className="number">
            <Link href={`/tickets/${number}`}>#{number}</Link>
          </td>
          <td>{title}</td>
          <td>{t(`status.${status}`)}</td>
          <td className="quiet">{[assignee?.name ?? t('board.unassigned'), at && moment(at, lang)].filter(Boolean).join(' · ')}</td>
        </tr>
      ))}
      {more &&
        whole(
          <button type="button" onClick={more}>
            {t('more')}
          </button>,
        )}
    </>
  );
}
