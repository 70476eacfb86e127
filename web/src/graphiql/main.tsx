/** GraphiQL with the session of the web app. It is a separate page, so that the app does not bundle it. */
import { createRoot } from 'react-dom/client';
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { parse, type DocumentNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { getAccessToken, session } from '../api/session';
import { language } from '../i18n';
import { useStore } from '../lib/store';
import 'graphiql/style.css';
import './graphiql.css';

const MESSAGES = {
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
  const token = await getAccessToken();
  return token ? { authorization: `Bearer ${token}` } : {};
}

const baseFetcher = createGraphiQLFetcher({
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

function tryParse(query: string): DocumentNode | undefined {
  try {
    return parse(query);
  } catch {
    // The server reports the syntax error.
    return undefined;
  }
}

/**
 * Chooses HTTP or WebSocket from the query that is sent, because the editor's parsed document may be out of date when a
 * query is run right after typing.
 */
const fetcher: Fetcher = (params, options) => baseFetcher(params, { ...options, documentAST: tryParse(params.query) });

function GraphiqlPage() {
  const currentSession = useStore(session);
  const lang = useStore(language);
  const messages = MESSAGES[lang];
  return (
    <>
      {!currentSession && (
        <p className="signed-out" lang={lang}>
          {messages.note} <a href="/">{messages.go}</a>
        </p>
      )}
      <GraphiQL fetcher={fetcher} defaultQuery={QUERY} />
    </>
  );
}

const root = document.getElementById('graphiql');
if (root) createRoot(root).render(<GraphiqlPage />);
