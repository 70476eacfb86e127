import { useState } from 'react';
import { useAction } from '../api/action';
import { SaveNotificationWayDocument, type NotificationCause, type NotificationSettingsQuery, type NotificationWay } from '../gql';
import { useLanguage } from '../i18n';
import { FormErrors } from '../shell/ErrorNote';

/** Causes whose way can be chosen, in the order of their importance. */
const CAUSES = ['ASSIGNED', 'CHASED', 'COMMENT', 'MENTION', 'SLA_RISK', 'SLA_BREACHED', 'REOPENED', 'WAITING', 'RESOLVED', 'CANCELLED', 'PROGRESS', 'UPDATED', 'TEAM_QUEUE', 'KNOWLEDGE'] as const satisfies readonly NotificationCause[];

/** How the user hears of each cause. */
export function NotificationWays({ settings }: { settings: NotificationSettingsQuery }) {
  const [, t] = useLanguage();
  const action = useAction(SaveNotificationWayDocument);
  const [ways, setWays] = useState(settings.notificationPreference.ways);
  const channels = settings.terminals.filter((terminal) => terminal.provedAt !== null && terminal.channel !== 'WEB').map((terminal) => terminal.channel as NotificationWay);
  const options: readonly NotificationWay[] = ['APP', 'DIGEST', ...channels];
  const choose = async (cause: NotificationCause, way: NotificationWay | null) => {
    const outcome = await action.run({ cause, way });
    if (outcome?.preference) setWays(outcome.preference.ways);
  };
  return (
    <section>
      <h2>{t('way.title')}</h2>
      <div className="panel">
        <table className="ways" data-testid="notification-ways">
          <tbody>
            {CAUSES.map((cause) => (
              <tr key={cause}>
                <th scope="row">{t(`cause.${cause}`)}</th>
                <td>
                  <select
                    aria-label={t(`cause.${cause}`)}
                    disabled={action.busy}
                    value={ways.find((chosen) => chosen.cause === cause)?.way ?? ''}
                    onChange={(event) => void choose(cause, event.target.value === '' ? null : (event.target.value as NotificationWay))}
                  >
                    <option value="">{t('way.DEFAULT')}</option>
                    {options.map((way) => (
                      <option key={way} value={way}>
                        {t(`way.${way}`)}
                      </option>
                    ))}
                  </select>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <p className="quiet">{t('way.help')}</p>
        <FormErrors action={action} />
      </div>
    </section>
  );
}
