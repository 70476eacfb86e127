import type { MetricOutcome, ShareFragment } from '../gql';
import { useLanguage } from '../i18n';

/** Says that a figure is provisional, and opens its pending tickets; nothing once all windows are over. */
export function PendingTickets({ share, onDrillDown }: { share: ShareFragment; onDrillDown: (outcome: MetricOutcome) => void }) {
  const [, t] = useLanguage();
  const { pending, pendingFailed, isProvisional } = share;
  if (!isProvisional) return null;
  return (
    <>
      <button type="button" onClick={() => onDrillDown('PENDING')} title={t('report.provisional.help')} data-testid="provisional">
        {t('report.provisional', { count: pending })}
      </button>
      {pendingFailed > 0 && (
        <button type="button" onClick={() => onDrillDown('PENDING_FAILED')}>
          {t('report.pendingFailed', { count: pendingFailed })}
        </button>
      )}
    </>
  );
}
