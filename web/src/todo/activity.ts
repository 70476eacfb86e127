/** Reports the user's activity, so that notifications are sent to the active channel first. */
import { useEffect } from 'react';
import { randomHexKey } from '../api/action';
import { client } from '../api/client';
import { ReportActivityDocument } from '../gql';
import { Store } from '../lib/store';

const REPORT_INTERVAL_MS = 5 * 60 * 1000;
/** Channels whose messages contain links, with the parameter `via`. */
const VIA_CHANNELS = ['WECOM', 'DINGTALK', 'FEISHU', 'EMAIL', 'SMS', 'WEB_PUSH'] as const;
const ACTIVITY_EVENTS = ['pointerdown', 'pointermove', 'keydown'] as const;

/** The user and time of the last report, shared by all tabs so that only one of them reports. */
const lastReport = new Store<string>(
  'buoy.active',
  (stored) => stored ?? '',
  (value) => value,
);

function isDue(user: string, now: number): boolean {
  const [reportedUser, reportedAt] = lastReport.readLatest().split(' ');
  return reportedUser !== user || now - Number(reportedAt) >= REPORT_INTERVAL_MS;
}

/** Only input counts as activity; an open page does not. */
export function useActivity(user: string): void {
  useEffect(() => {
    // A link in a message was opened: the channel of the message is in use.
    const via = VIA_CHANNELS.find((channel) => channel === new URLSearchParams(location.search).get('via'));
    if (via) void client.mutation(ReportActivityDocument, { input: { channel: via, idempotencyKey: randomHexKey() } }).toPromise();
    // Limits reads of the storage, because pointer events fire many times a second.
    let nextCheckAt = 0;
    const reportActivity = () => {
      const now = Date.now();
      if (document.visibilityState !== 'visible' || now < nextCheckAt) return;
      nextCheckAt = now + 10_000;
      if (!isDue(user, now)) return;
      lastReport.set(`${user} ${now}`);
      void client.mutation(ReportActivityDocument, { input: { channel: 'WEB', idempotencyKey: randomHexKey() } }).toPromise();
    };
    for (const eventName of ACTIVITY_EVENTS) window.addEventListener(eventName, reportActivity, { passive: true });
    return () => {
      for (const eventName of ACTIVITY_EVENTS) window.removeEventListener(eventName, reportActivity);
    };
  }, [user]);
}
