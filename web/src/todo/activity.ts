/** Says where somebody is, so that messages come there first. */
import { useEffect } from 'react';
import { newKey } from '../api/action';
import { client } from '../api/client';
import { ReportActivityDocument } from '../gql';
import { Store } from '../lib/store';

const EVERY_MS = 5 * 60 * 1000;
const SIGNS = ['pointerdown', 'pointermove', 'keydown'] as const;

/** Who was here and when, over all tabs: together they say it once. */
const reported = new Store<string>(
  'buoy.active',
  (kept) => kept ?? '',
  (value) => value,
);

function isDue(user: string, now: number): boolean {
  const [who, at] = reported.newest().split(' ');
  return who !== user || now - Number(at) >= EVERY_MS;
}

/** A page that is merely open is no sign of anybody: only what they do to it counts. */
export function useActivity(user: string): void {
  useEffect(() => {
    // Pointers move a hundred times a second: storage is asked once a while.
    let next = 0;
    const act = () => {
      const now = Date.now();
      if (document.visibilityState !== 'visible' || now < next) return;
      next = now + 10_000;
      if (!isDue(user, now)) return;
      reported.set(`${user} ${now}`);
      void client.mutation(ReportActivityDocument, { input: { channel: 'WEB', idempotencyKey: newKey() } }).toPromise();
    };
    for (const sign of SIGNS) window.addEventListener(sign, act, { passive: true });
    return () => {
      for (const sign of SIGNS) window.removeEventListener(sign, act);
    };
  }, [user]);
}
