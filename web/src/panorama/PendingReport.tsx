import { useAction } from '../api/action';
import { DismissPendingReportDocument, type TicketPageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';

/** A reported status that cannot be applied automatically, and what it needs. */
export function PendingReport({ page, onChange }: { page: TicketPageFragment; onChange: (page: TicketPageFragment) => void }) {
  const [lang, t] = useLanguage();
  const action = useAction(DismissPendingReportDocument);
  const pending = page.pendingReport;
  if (!pending) return null;
  const dismiss = async () => {
    const answer = await action.run({ ticketId: page.id, expectedVersion: page.version });
    if (answer?.ticket) onChange(answer.ticket);
  };
  return (
    <section className="note pending" data-testid="pending-report">
      <p>
        {t('pending.reported', { system: pending.system, status: t(`status.${pending.status}`), at: formatDateTime(pending.since, lang) })} {t(`pending.${pending.needs}`)}
      </p>
      <button type="button" disabled={action.busy} onClick={() => void dismiss()}>
        {t('pending.dismiss')}
      </button>
      <FormErrors action={action} />
    </section>
  );
}
