import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useAction } from '../api/action';
import { DismissQuarantinedDocument, QuarantinedBodyDocument, ReleaseGatewayDocument, type GatewaysQuery } from '../gql';
import { named, useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { ErrorNote, Refusals } from '../shell/ErrorNote';

type Submission = GatewaysQuery['quarantinedSubmissions']['nodes'][number];

interface Props {
  submissions: readonly Submission[];
  /** Gateways that hold something. */
  waiting: readonly string[];
  again: () => void;
  more: (() => void) | null;
}

/** What failed its check: released once the credential is mended, or dismissed. */
export function Held({ submissions, waiting, again, more }: Props) {
  const [, t] = useLanguage();
  const release = useAction(ReleaseGatewayDocument);
  const dismiss = useAction(DismissQuarantinedDocument);
  const [said, setSaid] = useState('');
  const free = async (gateway: string) => {
    const done = await release.run({ gateway });
    if (!done) return;
    setSaid(t('intake.done', { released: done.released ?? 0, kept: done.kept ?? 0 }));
    again();
  };
  const drop = async (input: { submissionId: string } | { gateway: string; source: string }) => {
    const done = await dismiss.run(input);
    if (!done) return;
    setSaid(t('intake.dismissedCount', { count: done.dismissed ?? 0 }));
    again();
  };
  return (
    <>
      <h3>{t('intake.quarantine')}</h3>
      {submissions.length === 0 && <p className="quiet">{t('intake.none')}</p>}
      {waiting.map((gateway) => (
        <button key={gateway} type="button" disabled={release.busy} onClick={() => void free(gateway)} data-testid={`release-${gateway}`}>
          {t('intake.release', { gateway: named(t, 'gateway', gateway) })}
        </button>
      ))}
      {said !== '' && <p role="status">{said}</p>}
      <Refusals action={release} />
      <Refusals action={dismiss} />
      <ul className="rows">
        {submissions.map((submission) => (
          <Row key={submission.id} submission={submission} busy={dismiss.busy} drop={(input) => void drop(input)} />
        ))}
      </ul>
      {more && (
        <button type="button" onClick={more}>
          {t('more')}
        </button>
      )}
    </>
  );
}

/** What came, once somebody wants to see it. */
function Said({ id }: { id: string }) {
  const [, t] = useLanguage();
  const [seen, setSeen] = useState(false);
  const [{ data, error }] = useQuery({ query: QuarantinedBodyDocument, variables: { submissionId: id }, pause: !seen });
  return (
    <details className="said" onToggle={() => setSeen(true)} data-testid="held-body">
      <summary>{t('intake.body')}</summary>
      {error && <ErrorNote error={error} />}
      {data && <pre>{data.quarantinedBody}</pre>}
    </details>
  );
}

interface RowProps {
  submission: Submission;
  busy: boolean;
  drop: (input: { submissionId: string } | { gateway: string; source: string }) => void;
}

function Row({ submission: { id, gateway, source, reason, receivedAt, releasedAt, dismissedAt, ticket }, busy, drop }: RowProps) {
  const [lang, t] = useLanguage();
  const isHeld = releasedAt === null && dismissedAt === null;
  const end = dismissedAt ?? releasedAt;
  return (
    <li className="line" data-testid="held" data-id={id} data-state={isHeld ? 'HELD' : dismissedAt ? 'DISMISSED' : 'RELEASED'}>
      <span>{moment(receivedAt, lang)}</span>
      <span>{named(t, 'gateway', gateway)}</span>
      <span className={isHeld ? 'no' : 'quiet'}>{named(t, 'reason', reason)}</span>
      <span className="quiet address">{source}</span>
      {ticket ?
        <Link href={`/tickets/${ticket.number}`}>#{ticket.number}</Link>
      : <span title={end ? moment(end, lang) : undefined}>{t(isHeld ? 'intake.held' : dismissedAt ? 'intake.dismissed' : 'intake.released')}</span>}
      {releasedAt === null && <Said id={id} />}
      {isHeld && (
        <span className="line does">
          <button type="button" disabled={busy} onClick={() => drop({ submissionId: id })} data-testid="dismiss">
            {t('intake.dismiss')}
          </button>
          <button type="button" disabled={busy} onClick={() => drop({ gateway, source })} data-testid="dismiss-source">
            {t('intake.dismissSource', { source: source === '' ? named(t, 'gateway', gateway) : source })}
          </button>
        </span>
      )}
    </li>
  );
}
