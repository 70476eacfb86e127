/** The line to the server: graphql-transport-ws, as much of it as the element needs. */

export interface Todo {
  unread: number;
  count: number;
  longestWaitSeconds: number | null;
  tickets: { id: string; number: number; title: string; priority: string }[];
}

export interface Told {
  id: string;
  cause: string;
  title: string;
  body: string;
  ticket: { number: number; status: string } | null;
}

/** What outlasts a line: the next one goes on where it ended. */
export interface Memory {
  /** The last notification that was heard. */
  after: string | null;
  /** Those heard: for a moment two lines hear the same. */
  heard: Set<string>;
  /** Those heard whose receipt the server has not confirmed. */
  owed: Set<string>;
}

export interface Hear {
  todo: (todo: Todo) => void;
  told: (told: Told) => void;
  /** It broke, and is being tried again. */
  lost: () => void;
  /** The token is not good, or not any more: the line stays closed. */
  refused: () => void;
}

interface Message {
  type: string;
  id?: string;
  payload?: unknown;
}

const WAITING = 'subscription{myTodo{unread count longestWaitSeconds tickets(first:5){id number title priority}}}';
const TOLD = 'subscription($after:String){myNotifications(after:$after){id cause title body ticket{number status}}}';
const RECEIPT = 'mutation($id:ID!){acknowledgeNotification(input:{notificationId:$id}){userErrors{code}}}';

const RETRY_MS = 500;
const RETRY_MAX_MS = 30_000;
/** Without a word for so long, twice, the line is dead. */
const SILENCE_MS = 25_000;

/** How long to wait before the next try; two pages do not come at the same moment. */
export function pause(tries: number, chance: number): number {
  return Math.min(RETRY_MS * 2 ** tries, RETRY_MAX_MS) * (0.5 + chance / 2);
}

/** Opens a line that is tried again until it is closed by what this answers, or refused. */
export function open(url: string, token: string, language: string, memory: Memory, hear: Hear): () => void {
  let socket: WebSocket | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setInterval> | undefined;
  let tries = 0;
  let quiet = false;

  const say = (message: Message) => {
    if (socket?.readyState === 1) socket.send(JSON.stringify(message));
  };
  const begin = (id: string, query: string, variables?: object) => say({ type: 'subscribe', id, payload: { query, variables } });
  const follow = () => begin('told', TOLD, { after: memory.after });
  const receipt = (id: string) => begin(id, RECEIPT, { id });

  const drop = () => {
    clearInterval(watch);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      socket = null;
    }
  };
  const broken = (code?: number) => {
    drop();
    hear.lost();
    if (code === 4401 || code === 4403) hear.refused();
    else retry = setTimeout(dial, pause(tries++, Math.random()));
  };

  const take = ({ type, id, payload }: Message) => {
    quiet = false;
    if (type === 'ping') say({ type: 'pong' });
    else if (type === 'connection_ack') {
      follow();
      // Behind it: once the list has come, the other is listened to as well.
      begin('todo', WAITING);
      // Again, until the server has heard of each.
      memory.owed.forEach(receipt);
    } else if (type === 'next') {
      const { data } = payload as { data: { myTodo?: Todo; myNotifications?: Told } | null };
      if (data?.myTodo) {
        tries = 0;
        hear.todo(data.myTodo);
      }
      const told = data?.myNotifications;
      if (told && !memory.heard.has(told.id)) {
        memory.heard.add(told.id);
        memory.owed.add(told.id);
        memory.after = told.id;
        receipt(told.id);
        hear.told(told);
      }
    } else if (id === 'told' && type === 'error' && memory.after) {
      // What was kept is of another installation: from now on.
      memory.after = null;
      follow();
    } else if (id === 'told' || id === 'todo') broken();
    else if (id) memory.owed.delete(id);
  };

  function dial() {
    try {
      socket = new WebSocket(url, 'graphql-transport-ws');
    } catch {
      // No address for a socket, or one that the page's policy forbids: trying again would not help.
      return;
    }
    socket.onopen = () => say({ type: 'connection_init', payload: { authorization: `Bearer ${token}`, 'accept-language': language } });
    socket.onmessage = ({ data }) => take(JSON.parse(data as string) as Message);
    socket.onclose = ({ code }) => broken(code);
    quiet = false;
    watch = setInterval(() => {
      // It may never say that it is closed.
      if (quiet) return broken();
      quiet = true;
      say({ type: 'ping' });
    }, SILENCE_MS);
  }

  dial();
  return () => {
    clearTimeout(retry);
    drop();
  };
}
