import { useEffect, useState } from 'react';
import { useQuery } from 'urql';
import { GatewayHealthDocument, GatewaysDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';
import { Credentials } from './Credentials';
import { Held } from './Held';
import { States } from './States';

/** How gateways do is asked anew. */
const EVERY_MS = 60_000;
/** Rows of the quarantine: at first, and at most. */
const FIRST = 30;
const MOST = 100;

/** Ways in, the secrets by which their callers are known, and what failed its check. */
export function Gateways() {
  const [, t] = useLanguage();
  const [first, setFirst] = useState(FIRST);
  const [{ data, error }, load] = useQuery({ query: GatewaysDocument, variables: { first } });
  const [{ data: health, error: unknown }, look] = useQuery({ query: GatewayHealthDocument });
  useEffect(() => {
    const timer = setInterval(() => look({ requestPolicy: 'network-only' }), EVERY_MS);
    return () => clearInterval(timer);
  }, [look]);
  const again = () => {
    load({ requestPolicy: 'network-only' });
    look({ requestPolicy: 'network-only' });
  };
  const { nodes, pageInfo } = data?.quarantinedSubmissions ?? {};
  return (
    <section className="panel systems-settings" data-testid="gateways">
      <h2>{t('intake.title')}</h2>
      <p className="quiet">{t('intake.means')}</p>
      {unknown && <ErrorNote error={unknown} again={again} />}
      {health && <States gateways={health.gateways} />}
      {error && <ErrorNote error={error} again={again} />}
      {data && <Credentials credentials={data.credentials} again={again} />}
      {nodes && (
        <Held
          submissions={nodes}
          waiting={health?.gateways.filter(({ held }) => held > 0).map(({ key }) => key) ?? []}
          again={again}
          more={pageInfo?.hasNextPage && first < MOST ? () => setFirst(MOST) : null}
        />
      )}
    </section>
  );
}
