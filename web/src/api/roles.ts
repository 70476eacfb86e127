/** Who is shown what. The server decides who may; this only spares people what they would be refused. */
import type { Role } from '../gql';

interface Person {
  roles: readonly Role[];
}

const STAFF: readonly Role[] = ['AGENT', 'SUPERVISOR', 'PRODUCT_MANAGER', 'ADMIN'];
const WORKERS: readonly Role[] = ['AGENT', 'SUPERVISOR', 'ADMIN'];
const LEADS: readonly Role[] = ['SUPERVISOR', 'ADMIN'];

export const isStaff = ({ roles }: Person): boolean => roles.some((role) => STAFF.includes(role));
/** Who sees what colleagues are able to do and when they work. */
export const isColleague = ({ roles }: Person): boolean => roles.some((role) => WORKERS.includes(role));
export const leads = ({ roles }: Person): boolean => roles.some((role) => LEADS.includes(role));
export const administers = ({ roles }: Person): boolean => roles.includes('ADMIN');
