/** What somebody is told while a page is open: heard once, acknowledged, kept until they have seen it. */
import { useEffect, useState } from 'react';
import { newKey } from '../api/action';
import { client, follow } from '../api/client';
import {
  AcknowledgeNotificationDocument,
  MyNotificationsDocument,
  NewestNotificationDocument,
  QuietHoursDocument,
  type MessageFragment,
  type NotificationCause,
  type TicketStatus,
} from '../gql';
import { Store } from '../lib/store';
import { beep, isQuiet, minuteOf } from './sound';

function kept<T>(key: string, none: T): Store<T> {
  return new Store<T>(
    key,
    (text) => {
      try {
        return text === null ? none : (JSON.parse(text) as T);
      } catch {
        return none;
      }
    },
    (value) => JSON.stringify(value),
  );
}

/** The last one heard, and by whom: whoever loads the page anew goes on behind it. */
const heard = kept<{ user: string; id: string } | null>('buoy.heard', null);

export interface Alarm extends Pick<MessageFragment, 'id' | 'cause' | 'title'> {
  user: string;
  number: number | null;
}

/** Alarms stay until they are dismissed, on a page loaded anew too; dismissed in one tab, they are gone from all. */
export const alarms = kept<Alarm[]>('buoy.alarms', []);

export function dismiss(ids: readonly string[]): void {
  alarms.set(alarms.newest().filter(({ id }) => !ids.includes(id)));
}

const ALARMING: readonly NotificationCause[] = ['ESCALATION_1', 'ESCALATION_2', 'ESCALATION_3'];
const OVER: readonly TicketStatus[] = ['RESOLVED', 'CLOSED', 'CANCELLED'];

async function sound(cause: NotificationCause): Promise<void> {
  // In quiet hours nothing but levels 2 and 3 makes a noise.
  if (cause === 'ESCALATION_1') {
    const { data } = await client.query(QuietHoursDocument, {}).toPromise();
    const { quietFromMinute, quietToMinute } = data?.notificationPreference ?? { quietFromMinute: null, quietToMinute: null };
    if (data && isQuiet(quietFromMinute, quietToMinute, minuteOf(Date.now(), data.about.timeZone))) return;
  }
  await beep();
}

/** Follows what `user` is told; `show` is given what is no alarm. */
export function useInbox(user: string, show: (message: MessageFragment) => void): void {
  const [round, setRound] = useState(0);
  useEffect(() => {
    let gone = false;
    let end = () => {};
    const take = (message: MessageFragment) => {
      const { id, cause, title, ticket } = message;
      heard.set({ user, id });
      void client.mutation(AcknowledgeNotificationDocument, { input: { notificationId: id, idempotencyKey: newKey() } }).toPromise();
      if (!ALARMING.includes(cause) || (ticket && OVER.includes(ticket.status))) return show(message);
      const number = ticket?.number ?? null;
      // A higher level stands in the place of the one before.
      const there = alarms.newest().filter((alarm) => alarm.user === user && alarm.id !== id && (number === null || alarm.number !== number));
      alarms.set([...there, { user, id, cause, title, number }]);
      void sound(cause);
    };
    const begin = async () => {
      const last = heard.newest();
      const known = last?.user === user ? last.id : null;
      // Somebody new here: from the newest one on, so that what comes while the socket is away is not lost.
      const after = known ?? (await client.query(NewestNotificationDocument, {}).toPromise()).data?.notifications.nodes[0]?.id ?? null;
      if (gone) return;
      end = follow(
        MyNotificationsDocument,
        { after },
        {
          event: ({ myNotifications }) => {
            if (gone) return undefined;
            take(myNotifications);
            return myNotifications.id;
          },
          live: () => undefined,
          refused: () => {
            // What was kept is of another installation: from now on, once.
            if (gone || known === null) return;
            heard.set(null);
            setRound((n) => n + 1);
          },
        },
      );
    };
    void begin();
    return () => {
      gone = true;
      end();
    };
  }, [user, round, show]);
}
