import { useQuery } from 'urql';
import { isStaff } from '../api/roles';
import type { Session } from '../api/session';
import { MyWaysDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';
import { MyDuty } from './Duty';
import { MyMessages } from './Messages';
import { Preference } from './Preference';
import { Terminals } from './Terminals';

/** How somebody is reached, when they work, and what they were told. */
export function Me({ viewer }: { viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const [{ data, error }, load] = useQuery({ query: MyWaysDocument });
  const again = () => load({ requestPolicy: 'network-only' });
  return (
    <div className="ticket">
      <div className="body">
        <header>
          <h1>{t('me.title')}</h1>
          <p className="quiet">{[viewer.name, data?.viewer?.email].filter(Boolean).join(' · ')}</p>
        </header>
        <MyMessages />
      </div>
      <aside>
        {error && <ErrorNote error={error} again={again} />}
        {data && <Terminals terminals={data.terminals} pushKey={data.about.webPushKey} onChange={again} />}
        {data && <Preference preference={data.notificationPreference} />}
        {isStaff(viewer) && <MyDuty id={viewer.id} />}
      </aside>
    </div>
  );
}
