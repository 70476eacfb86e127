/** What each role is shown. The server enforces permissions; this only hides what the server would refuse. */
import type { Role } from '../gql';

interface Person {
  roles: readonly Role[];
}

const STAFF_ROLES: readonly Role[] = ['AGENT', 'SUPERVISOR', 'PRODUCT_MANAGER', 'ADMIN'];
const AGENT_PROFILE_READERS: readonly Role[] = ['AGENT', 'SUPERVISOR', 'ADMIN'];
const LEAD_ROLES: readonly Role[] = ['SUPERVISOR', 'ADMIN'];

export const isStaff = ({ roles }: Person): boolean => roles.some((role) => STAFF_ROLES.includes(role));
/** Roles that can read the skills and working hours of agents. */
export const canReadAgentProfiles = ({ roles }: Person): boolean => roles.some((role) => AGENT_PROFILE_READERS.includes(role));
export const isLead = ({ roles }: Person): boolean => roles.some((role) => LEAD_ROLES.includes(role));
export const isAdmin = ({ roles }: Person): boolean => roles.includes('ADMIN');
