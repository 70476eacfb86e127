import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useAction } from '../api/action';
import { DismissQuarantinedDocument, QuarantinedBodyDocument, ReleaseGatewayDocument, type GatewaysQuery } from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { ErrorNote, FormErrors } from '../shell/ErrorNote';

type Submission = GatewaysQuery['quarantinedSubmissions']['nodes'][number];

interface QuarantineProps {
  submissions: readonly Submission[];
  /** Gateways that have quarantined submissions. */
  releasableGateways: readonly string[];
  reload: () => void;
  onMore: (() => void) | null;
}

/** Submissions that failed verification. They are released once the credential is fixed, or dismissed. */
export function Quarantine({ submissions, releasableGateways, reload, onMore }: QuarantineProps) {
  const [, t] = useLanguage();
  const release = useAction(ReleaseGatewayDocument);
  const dismiss = useAction(DismissQuarantinedDocument);
  const [notice, setNotice] = useState('');
  const releaseQuarantined = async (gateway: string) => {
    const outcome = await release.run({ gateway });
    if (!outcome) return;
    setNotice(t('intake.releaseResult', { released: outcome.released ?? 0, stillQuarantined: outcome.stillQuarantined ?? 0 }));
    reload();
  };
  const dismissSubmissions = async (input: { submissionId: string } | { gateway: string; source: string }) => {
    const outcome = await dismiss.run(input);
    if (!outcome) return;
    setNotice(t('intake.dismissedCount', { count: outcome.dismissed ?? 0 }));
    reload();
  };
  return (
    <>
      <h3>{t('intake.quarantine')}</h3>
      {submissions.length === 0 && <p className="quiet">{t('intake.none')}</p>}
      {releasableGateways.map((gateway) => (
        <button key={gateway} type="button" disabled={release.busy} onClick={() => void releaseQuarantined(gateway)} data-testid={`release-${gateway}`}>
          {t('intake.release', { gateway: enumLabel(t, 'gateway', gateway) })}
        </button>
      ))}
      {notice !== '' && <p role="status">{notice}</p>}
      <FormErrors action={release} />
      <FormErrors action={dismiss} />
      <ul className="rows">
        {submissions.map((submission) => (
          <SubmissionRow key={submission.id} submission={submission} busy={dismiss.busy} onDismiss={(input) => void dismissSubmissions(input)} />
        ))}
      </ul>
      {onMore && (
        <button type="button" onClick={onMore}>
          {t('more')}
        </button>
      )}
    </>
  );
}

/** The content of a submission, loaded when it is expanded. */
function SubmissionBody({ id }: { id: string }) {
  const [, t] = useLanguage();
  const [opened, setOpened] = useState(false);
  const [{ data, error }] = useQuery({ query: QuarantinedBodyDocument, variables: { submissionId: id }, pause: !opened });
  return (
    <details className="submission-body" onToggle={() => setOpened(true)} data-testid="quarantined-body">
      <summary>{t('intake.content')}</summary>
      {error && <ErrorNote error={error} />}
      {data && <pre>{data.quarantinedBody}</pre>}
    </details>
  );
}

interface RowProps {
  submission: Submission;
  busy: boolean;
  onDismiss: (input: { submissionId: string } | { gateway: string; source: string }) => void;
}

function SubmissionRow({ submission: { id, gateway, source, reason, receivedAt, releasedAt, dismissedAt, ticket }, busy, onDismiss }: RowProps) {
  const [lang, t] = useLanguage();
  const isQuarantined = releasedAt === null && dismissedAt === null;
  const closedAt = dismissedAt ?? releasedAt;
  return (
    <li className="line" data-testid="quarantined" data-id={id} data-state={isQuarantined ? 'QUARANTINED' : dismissedAt ? 'DISMISSED' : 'RELEASED'}>
      <span>{formatDateTime(receivedAt, lang)}</span>
      <span>{enumLabel(t, 'gateway', gateway)}</span>
      <span className={isQuarantined ? 'bad' : 'quiet'}>{enumLabel(t, 'reason', reason)}</span>
      <span className="quiet address">{source}</span>
      {ticket ?
        <Link href={`/tickets/${ticket.number}`}>#{ticket.number}</Link>
      : <span title={closedAt ? formatDateTime(closedAt, lang) : undefined}>{t(isQuarantined ? 'intake.quarantined' : dismissedAt ? 'intake.dismissed' : 'intake.released')}</span>}
      {releasedAt === null && <SubmissionBody id={id} />}
      {isQuarantined && (
        <span className="line row-actions">
          <button type="button" disabled={busy} onClick={() => onDismiss({ submissionId: id })} data-testid="dismiss">
            {t('intake.dismiss')}
          </button>
          <button type="button" disabled={busy} onClick={() => onDismiss({ gateway, source })} data-testid="dismiss-source">
            {t('intake.dismissSource', { source: source === '' ? enumLabel(t, 'gateway', gateway) : source })}
          </button>
        </span>
      )}
    </li>
  );
}
