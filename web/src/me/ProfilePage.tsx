import { useQuery } from 'urql';
import { isStaff } from '../api/roles';
import type { Session } from '../api/session';
import { NotificationSettingsDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';
import { Availability } from './Availability';
import { NotificationInbox } from './NotificationInbox';
import { NotificationPreference } from './NotificationPreference';
import { NotificationWays } from './NotificationWays';
import { Terminals } from './Terminals';

/** Contact channels, availability and notifications of the user. */
export function ProfilePage({ viewer }: { viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const [{ data, error }, refetch] = useQuery({ query: NotificationSettingsDocument });
  const reload = () => refetch({ requestPolicy: 'network-only' });
  return (
    <div className="ticket">
      <div className="body">
        <header>
          <h1>{t('profile.title')}</h1>
          <p className="quiet">{[viewer.name, data?.viewer?.email].filter(Boolean).join(' · ')}</p>
        </header>
        <NotificationInbox />
      </div>
      <aside>
        {error && <ErrorNote error={error} onRetry={reload} />}
        {data && <Terminals terminals={data.terminals} pushKey={data.about.webPushKey} onChange={reload} />}
        {data && <NotificationPreference preference={data.notificationPreference} />}
        {data && <NotificationWays settings={data} />}
        {isStaff(viewer) && <Availability id={viewer.id} />}
      </aside>
    </div>
  );
}
