import { useEffect, useState } from 'react';
import { useQuery } from 'urql';
import { GatewayHealthDocument, GatewaysDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';
import { Credentials } from './Credentials';
import { Quarantine } from './Quarantine';
import { GatewayHealth } from './GatewayHealth';

/** Gateway health is reloaded at this interval. */
const REFRESH_MS = 60_000;
/** Rows of the quarantine: initial and maximum number. */
const INITIAL_ROWS = 30;
const MAX_ROWS = 100;

/** Gateways, the credentials of their callers, and quarantined submissions. */
export function Gateways() {
  const [, t] = useLanguage();
  const [rowCount, setRowCount] = useState(INITIAL_ROWS);
  const [{ data, error }, refetch] = useQuery({ query: GatewaysDocument, variables: { first: rowCount } });
  const [{ data: health, error: healthError }, refetchHealth] = useQuery({ query: GatewayHealthDocument });
  useEffect(() => {
    const timer = setInterval(() => refetchHealth({ requestPolicy: 'network-only' }), REFRESH_MS);
    return () => clearInterval(timer);
  }, [refetchHealth]);
  const reload = () => {
    refetch({ requestPolicy: 'network-only' });
    refetchHealth({ requestPolicy: 'network-only' });
  };
  const { nodes, pageInfo } = data?.quarantinedSubmissions ?? {};
  return (
    <section className="panel systems-settings" data-testid="gateways">
      <h2>{t('intake.title')}</h2>
      <p className="quiet">{t('intake.help')}</p>
      {healthError && <ErrorNote error={healthError} onRetry={reload} />}
      {health && <GatewayHealth gateways={health.gateways} />}
      {error && <ErrorNote error={error} onRetry={reload} />}
      {data && <Credentials credentials={data.credentials} reload={reload} />}
      {nodes && (
        <Quarantine
          submissions={nodes}
          releasableGateways={health?.gateways.filter(({ quarantinedCount }) => quarantinedCount > 0).map(({ key }) => key) ?? []}
          reload={reload}
          onMore={pageInfo?.hasNextPage && rowCount < MAX_ROWS ? () => setRowCount(MAX_ROWS) : null}
        />
      )}
    </section>
  );
}
