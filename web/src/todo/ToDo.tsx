import type { Session } from '../api/session';
import { Float } from './Float';
import { Messages } from './Messages';
import { useActivity } from './activity';

/** What waits for somebody and what they are told, on whatever page they are. */
export function ToDo({ viewer }: { viewer: Session['viewer'] }) {
  useActivity(viewer.id);
  return (
    <>
      <Messages viewer={viewer} />
      <Float />
    </>
  );
}
