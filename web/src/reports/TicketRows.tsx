import type { ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import type { TicketStatus } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { ErrorNote } from '../shell/ErrorNote';

interface Row {
  id: string;
  number: number;
  title: string;
  status: TicketStatus;
  assignee: { name: string } | null;
  /** When the ticket was created or resolved. */
  at: string | null;
}

interface Props {
  rows: readonly Row[] | null;
  error: CombinedError | undefined;
  /** Loads the next page; `null` where there is none. */
  onMore: (() => void) | null;
}

/** A page of the tickets behind a figure. */
export function TicketRows({ rows, error, onMore }: Props) {
  const [lang, t] = useLanguage();
  const fullWidthRow = (content: ReactNode) => (
    <tr>
      <td colSpan={4}>{content}</td>
    </tr>
  );
  if (error) return fullWidthRow(<ErrorNote error={error} />);
  if (!rows) return fullWidthRow(t('loading'));
  if (rows.length === 0) return fullWidthRow(t('board.empty'));
  return (
    <>
      {rows.map(({ id, number, title, status, assignee, at }) => (
        <tr key={id}>
          <td className="number">
            <Link href={`/tickets/${number}`}>#{number}</Link>
          </td>
          <td>{title}</td>
          <td>{t(`status.${status}`)}</td>
          <td className="quiet">{[assignee?.name ?? t('board.unassigned'), at && formatDateTime(at, lang)].filter(Boolean).join(' · ')}</td>
        </tr>
      ))}
      {onMore &&
        fullWidthRow(
          <button type="button" onClick={onMore}>
            {t('more')}
          </button>,
        )}
    </>
  );
}
