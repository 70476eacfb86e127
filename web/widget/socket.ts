/** The WebSocket connection: the part of graphql-transport-ws that the element needs. */

export interface Todo {
  unread: number;
  count: number;
  longestWaitSeconds: number | null;
  tickets: { id: string; number: number; title: string; priority: string }[];
}

export interface TodoNotification {
  id: string;
  cause: string;
  title: string;
  body: string;
  ticket: { number: number; status: string } | null;
}

/** State that outlives a connection, so that the next one resumes. */
export interface ResumeState {
  /** The id of the last notification received. */
  after: string | null;
  /** Notifications received, because two connections may receive the same one for a moment. */
  received: Set<string>;
  /** Notifications whose acknowledgement the server has not confirmed. */
  unacked: Set<string>;
}

export interface Handlers {
  onTodo: (todo: Todo) => void;
  onNotification: (notification: TodoNotification) => void;
  /** The connection was lost and is being retried. */
  onLost: () => void;
  /** The server rejected the token: the connection stays closed. */
  onRefused: () => void;
}

interface Message {
  type: string;
  id?: string;
  payload?: unknown;
}

const TODO_SUBSCRIPTION = 'subscription{myTodo{unread count longestWaitSeconds tickets(first:5){id number title priority}}}';
const NOTIFICATION_SUBSCRIPTION = 'subscription($after:String){myNotifications(after:$after){id cause title body ticket{number status}}}';
const ACKNOWLEDGE_MUTATION = 'mutation($id:ID!){acknowledgeNotification(input:{notificationId:$id}){userErrors{code}}}';

const RETRY_MS = 500;
const RETRY_MAX_MS = 30_000;
/** The connection counts as dead after two intervals without a message. */
const SILENCE_MS = 25_000;

/** The delay before the next attempt, with jitter. */
export function retryDelay(attempts: number, random: number): number {
  return Math.min(RETRY_MS * 2 ** attempts, RETRY_MAX_MS) * (0.5 + random / 2);
}

/** Opens a connection that retries until it is refused or until the returned function closes it. */
export function connect(url: string, token: string, language: string, resume: ResumeState, handlers: Handlers): () => void {
  let socket: WebSocket | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  let attempts = 0;
  let isSilent = false;

  const send = (message: Message) => {
    if (socket?.readyState === 1) socket.send(JSON.stringify(message));
  };
  const subscribe = (id: string, query: string, variables?: object) => send({ type: 'subscribe', id, payload: { query, variables } });
  const subscribeNotifications = () => subscribe('notifications', NOTIFICATION_SUBSCRIPTION, { after: resume.after });
  const acknowledge = (id: string) => subscribe(id, ACKNOWLEDGE_MUTATION, { id });

  const closeSocket = () => {
    clearInterval(heartbeat);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      socket = null;
    }
  };
  const handleBreak = (code?: number) => {
    closeSocket();
    handlers.onLost();
    if (code === 4401 || code === 4403) handlers.onRefused();
    else retry = setTimeout(openSocket, retryDelay(attempts++, Math.random()));
  };

  const handleMessage = ({ type, id, payload }: Message) => {
    isSilent = false;
    if (type === 'ping') send({ type: 'pong' });
    else if (type === 'connection_ack') {
      subscribeNotifications();
      // Sent second: once the to-do list arrives, the notifications are subscribed too.
      subscribe('todo', TODO_SUBSCRIPTION);
      // Repeats acknowledgements that the server has not confirmed.
      resume.unacked.forEach(acknowledge);
    } else if (type === 'next') {
      const { data } = payload as { data: { myTodo?: Todo; myNotifications?: TodoNotification } | null };
      if (data?.myTodo) {
        attempts = 0;
        handlers.onTodo(data.myTodo);
      }
      const notification = data?.myNotifications;
      if (notification && !resume.received.has(notification.id)) {
        resume.received.add(notification.id);
        resume.unacked.add(notification.id);
        resume.after = notification.id;
        acknowledge(notification.id);
        handlers.onNotification(notification);
      }
    } else if (id === 'notifications' && type === 'error' && resume.after) {
      // The stored id belongs to another installation: start from now.
      resume.after = null;
      subscribeNotifications();
    } else if (id === 'notifications' || id === 'todo') handleBreak();
    else if (id) resume.unacked.delete(id);
  };

  function openSocket() {
    try {
      socket = new WebSocket(url, 'graphql-transport-ws');
    } catch {
      // The address is invalid, or the page's content security policy forbids it. A retry would not help.
      return;
    }
    socket.onopen = () => send({ type: 'connection_init', payload: { authorization: `Bearer ${token}`, 'accept-language': language } });
    socket.onmessage = ({ data }) => handleMessage(JSON.parse(data as string) as Message);
    socket.onclose = ({ code }) => handleBreak(code);
    isSilent = false;
    heartbeat = setInterval(() => {
      // A dead connection may never fire `close`.
      if (isSilent) return handleBreak();
      isSilent = true;
      send({ type: 'ping' });
    }, SILENCE_MS);
  }

  openSocket();
  return () => {
    clearTimeout(retry);
    closeSocket();
  };
}
