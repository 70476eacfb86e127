/** Notifications while a page is open: each is received once, acknowledged, and alarms are kept until dismissed. */
import { useEffect, useState } from 'react';
import { randomHexKey } from '../api/action';
import { client, subscribeLive } from '../api/client';
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
import { beep, isQuiet, minuteOfDay } from './sound';

function jsonStore<T>(key: string, fallback: T): Store<T> {
  return new Store<T>(
    key,
    (text) => {
      try {
        return text === null ? fallback : (JSON.parse(text) as T);
      } catch {
        return fallback;
      }
    },
    (value) => JSON.stringify(value),
  );
}

/** The user and id of the last notification received, so that a reloaded page resumes after it. */
const lastReceived = jsonStore<{ user: string; id: string } | null>('buoy.heard', null);

export interface Alarm extends Pick<MessageFragment, 'id' | 'cause' | 'title'> {
  user: string;
  number: number | null;
}

/** Alarms stay until they are dismissed, also after a reload. Dismissing one removes it in all tabs. */
export const alarmStore = jsonStore<Alarm[]>('buoy.alarms', []);

export function dismissAlarms(ids: readonly string[]): void {
  alarmStore.set(alarmStore.readLatest().filter(({ id }) => !ids.includes(id)));
}

const ALARM_CAUSES: readonly NotificationCause[] = ['ESCALATION_1', 'ESCALATION_2', 'ESCALATION_3'];
const ENDED_STATUSES: readonly TicketStatus[] = ['RESOLVED', 'CLOSED', 'CANCELLED'];

async function soundAlarm(cause: NotificationCause): Promise<void> {
  // During quiet hours only levels 2 and 3 make a sound.
  if (cause === 'ESCALATION_1') {
    const { data } = await client.query(QuietHoursDocument, {}).toPromise();
    const { quietFromMinute, quietToMinute } = data?.notificationPreference ?? { quietFromMinute: null, quietToMinute: null };
    if (data && isQuiet(quietFromMinute, quietToMinute, minuteOfDay(Date.now(), data.about.timeZone))) return;
  }
  await beep();
}

/** Subscribes to the notifications of `user`; `onMessage` receives those that are not alarms. */
export function useNotifications(user: string, onMessage: (message: MessageFragment) => void): void {
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let disposed = false;
    let unsubscribe = () => {};
    const receive = (message: MessageFragment) => {
      const { id, cause, title, ticket } = message;
      lastReceived.set({ user, id });
      void client.mutation(AcknowledgeNotificationDocument, { input: { notificationId: id, idempotencyKey: randomHexKey() } }).toPromise();
      if (!ALARM_CAUSES.includes(cause) || (ticket && ENDED_STATUSES.includes(ticket.status))) return onMessage(message);
      const number = ticket?.number ?? null;
      // A higher level replaces the alarm of a lower one.
      const otherAlarms = alarmStore.readLatest().filter((alarm) => alarm.user === user && alarm.id !== id && (number === null || alarm.number !== number));
      alarmStore.set([...otherAlarms, { user, id, cause, title, number }]);
      void soundAlarm(cause);
    };
    const start = async () => {
      const lastSeen = lastReceived.readLatest();
      const resumeAfter = lastSeen?.user === user ? lastSeen.id : null;
      // A new user starts at the newest notification, so that nothing is lost while the socket reconnects.
      const after = resumeAfter ?? (await client.query(NewestNotificationDocument, {}).toPromise()).data?.notifications.nodes[0]?.id ?? null;
      if (disposed) return;
      unsubscribe = subscribeLive(
        MyNotificationsDocument,
        { after },
        {
          onEvent: ({ myNotifications }) => {
            if (disposed) return undefined;
            receive(myNotifications);
            return myNotifications.id;
          },
          onStatus: () => undefined,
          onRefused: () => {
            // The stored id belongs to another installation: forget it and start again, once.
            if (disposed || resumeAfter === null) return;
            lastReceived.set(null);
            setAttempt((n) => n + 1);
          },
        },
      );
    };
    void start();
    return () => {
      disposed = true;
      unsubscribe();
    };
  }, [user, attempt, onMessage]);
}
