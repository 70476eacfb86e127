import { useQuery } from 'urql';
import { isAdmin } from '../api/roles';
import type { Session } from '../api/session';
import { SettingsDocument } from '../gql';
import { useLanguage } from '../i18n';
import { Gateways } from '../intake/Gateways';
import { Systems } from '../panorama/Systems';
import { ErrorNote } from '../shell/ErrorNote';
import { Calendars } from './Calendars';
import { EscalationPolicies } from './EscalationPolicies';
import { SlaPolicies } from './SlaPolicies';

/** Policies and calendars; administrators can change them. */
export function Settings({ viewer }: { viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const [{ data, error }, refetch] = useQuery({ query: SettingsDocument });
  const reload = () => refetch({ requestPolicy: 'network-only' });
  const mayEdit = isAdmin(viewer);
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return <p className="quiet">{t('loading')}</p>;
  return (
    <div className="settings">
      <h1>{t('nav.settings')}</h1>
      <EscalationPolicies policies={data.escalationPolicies} mayEdit={mayEdit} onChange={reload} />
      <SlaPolicies policies={data.slaPolicies} calendars={data.calendars} mayEdit={mayEdit} onChange={reload} />
      <Calendars calendars={data.calendars} />
      {mayEdit && <Systems />}
      {mayEdit && <Gateways />}
    </div>
  );
}
