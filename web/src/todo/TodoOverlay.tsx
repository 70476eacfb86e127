import type { Session } from '../api/session';
import { TodoFloat } from './TodoFloat';
import { NotificationPopups } from './NotificationPopups';
import { useActivity } from './activity';

/** The to-do float and the notifications, shown on every page. */
export function TodoOverlay({ viewer }: { viewer: Session['viewer'] }) {
  useActivity(viewer.id);
  return (
    <>
      <NotificationPopups viewer={viewer} />
      <TodoFloat />
    </>
  );
}
