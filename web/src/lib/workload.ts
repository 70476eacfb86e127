import type { Translate } from '../i18n/messages';

/** The points of an open ticket of normal priority. */
const NORMAL = 2;

/** Points as a number of normal tickets, which people understand. */
export const normalTickets = (points: number) => Math.floor((points + NORMAL / 2) / NORMAL);

export const describeWorkload = (t: Translate, load: number, capacity: number) => t('workload.of', { load, capacity, count: normalTickets(load) });

export const describeCapacity = (t: Translate, capacity: number) => t('workload.capacity', { capacity, count: normalTickets(capacity) });
