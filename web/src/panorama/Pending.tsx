import { useAction } from '../api/action';
import { DismissPendingReportDocument, type PageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { Refusals } from '../shell/ErrorNote';

/** A step that a system reported, and what it waits for. */
export function Pending({ page, onChange }: { page: PageFragment; onChange: (page: PageFragment) => void }) {
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
        {t('pending.said', { system: pending.system, status: t(`status.${pending.status}`), at: moment(pending.since, lang) })} {t(`pending.${pending.needs}`)}
      </p>
      <button type="button" disabled={action.busy} onClick={() => void dismiss()}>
        {t('pending.dismiss')}
      </button>
      <Refusals action={action} />
    </section>
  );
}
