import { useQuery } from 'urql';
import { administers } from '../api/roles';
import type { Session } from '../api/session';
import { RulesDocument } from '../gql';
import { useLanguage } from '../i18n';
import { Gateways } from '../intake/Gateways';
import { Systems } from '../panorama/Systems';
import { ErrorNote } from '../shell/ErrorNote';
import { Calendars } from './Calendars';
import { Policies } from './Policies';
import { SlaPolicies } from './SlaPolicies';

/** By which rules tickets are watched; administrators change them. */
export function Settings({ viewer }: { viewer: Session['viewer'] }) {
  const [, t] = useLanguage();
  const [{ data, error }, load] = useQuery({ query: RulesDocument });
  const again = () => load({ requestPolicy: 'network-only' });
  const mayEdit = administers(viewer);
  if (error) return <ErrorNote error={error} again={again} />;
  if (!data) return <p className="quiet">{t('loading')}</p>;
  return (
    <div className="rules">
      <h1>{t('nav.settings')}</h1>
      <Policies policies={data.escalationPolicies} mayEdit={mayEdit} onChange={again} />
      <SlaPolicies policies={data.slaPolicies} calendars={data.calendars} mayEdit={mayEdit} onChange={again} />
      <Calendars calendars={data.calendars} />
      {mayEdit && <Systems />}
      {mayEdit && <Gateways />}
    </div>
  );
}
