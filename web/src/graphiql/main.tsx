/** GraphiQL with the session of the web app; a page of its own, so that the app carries nothing of it. */
import { createRoot } from 'react-dom/client';
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { parse, type DocumentNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { freshToken, session } from '../api/session';
import { language } from '../i18n';
import { useStore } from '../lib/store';
import 'graphiql/style.css';
import './graphiql.css';

const WORDS = {
  en: { note: 'Nobody is signed in: only what everybody may know is answered.', go: 'Sign in' },
  'zh-CN': { note: '尚未登录，只能查询公开内容。', go: '登录' },
};

const QUERY = `# Who asks, and the newest tickets. Ctrl-Enter runs it.
{
  viewer {
    name
    roles
  }
  tickets(first: 5) {
    nodes {
      number
      title
      status
    }
  }
}
`;

async function authorization(): Promise<Record<string, string>> {
  const token = await freshToken();
  return token ? { authorization: `Bearer ${token}` } : {};
}

const send = createGraphiQLFetcher({
  url: '/graphql',
  fetch: async (url, init) => {
    const headers = new Headers(init?.headers);
    headers.set('accept-language', language.get());
    for (const [name, value] of Object.entries(await authorization())) headers.set(name, value);
    return fetch(url, { ...init, headers });
  },
  wsClient: createClient({
    url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
    connectionParams: async () => ({ ...(await authorization()), 'accept-language': language.get() }),
  }),
});

function parsed(query: string): DocumentNode | undefined {
  try {
    return parse(query);
  } catch {
    // The server says what is wrong with it.
    return undefined;
  }
}

/** HTTP or WebSocket by what is sent: the editor's own document lags behind somebody who types and runs at once. */
const fetcher: Fetcher = (params, options) => send(params, { ...options, documentAST: parsed(params.query) });

function Page() {
  const held = useStore(session);
  const lang = useStore(language);
  const words = WORDS[lang];
  return (
    <>
      {!held && (
        <p className="signed-out" lang={lang}>
          {words.note} <a href="/">{words.go}</a>
        </p>
      )}
      <GraphiQL fetcher={fetcher} defaultQuery={QUERY} />
    </>
  );
}

const root = document.getElementById('graphiql');
if (root) createRoot(root).render(<Page />);
