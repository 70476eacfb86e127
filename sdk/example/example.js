// ERP, CRM and field app side by side. Each reports in its own status words and receives corrections from Buoy.
const SYSTEMS = [
  { key: 'ERP_NO', name: 'ERP', words: { 已下发: 'ASSIGNED', 执行中: 'IN_PROGRESS', 挂起: 'WAITING', 已完工: 'RESOLVED' } },
  { key: 'CRM_ID', name: 'CRM', words: { open: 'ASSIGNED', working: 'IN_PROGRESS', 'on hold': 'WAITING', solved: 'RESOLVED' } },
  { key: 'APP_SN', name: 'Field app 现场', words: { 已签收: 'ASSIGNED', 处理中: 'IN_PROGRESS', 待确认: 'WAITING', 已修好: 'RESOLVED' } },
];
const url = location.origin;
const $ = (selector, within = document) => within.querySelector(selector);
const token = $('#token');
let admin;

async function ask(query, variables = {}, bearer = admin) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

/** On demo data the page signs in and creates an API key for each system. Elsewhere the user pastes keys from an administrator. */
async function demoKeys() {
  const { about } = await ask('{ about { demo demoPassword } }');
  if (!about.demo) return {};
  const signIn = 'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }';
  admin = (await ask(signIn, { input: { email: 'admin@demo.test', password: about.demoPassword } })).signIn.accessToken;
  const known = new Set((await ask('{ systems { key } }')).systems.map(({ key }) => key));
  const keys = {};
  for (const { key, name, words } of SYSTEMS) {
    const statusMap = Object.entries(words).map(([word, status]) => ({ word, status }));
    const [mutation, input] = known.has(key) ? ['issueApiKey', { systemKey: key }] : ['registerSystem', { key, name, statusMap }];
    if (known.has(key)) {
      await ask('mutation ($input: UpdateSystemInput!) { updateSystem(input: $input) { userErrors { message } } }', { input: { key, statusMap } });
    }
    const type = `${mutation[0].toUpperCase()}${mutation.slice(1)}Input`;
    const payload = await ask(`mutation ($input: ${type}!) { ${mutation}(input: $input) { apiKey userErrors { message } } }`, { input });
    keys[key] = payload[mutation].apiKey;
  }
  return keys;
}

function createCard({ key, name, words }) {
  const section = $('#system').content.cloneNode(true).firstElementChild;
  $('h2', section).textContent = name;
  section.dataset.system = key;
  const log = (text) => {
    const line = document.createElement('li');
    line.textContent = `${new Date().toLocaleTimeString()} ${text}`;
    $('.log', section).prepend(line);
  };
  const showStatus = (word) => {
    $('.status', section).textContent = word;
    section.dataset.status = words[word] ?? word;
    if ($('#truth').textContent) showTruth($('#truth').textContent);
  };
  let client;
  const connect = () => {
    client?.close();
    const apiKey = $('.key input', section).value;
    if (!apiKey || $('.offline input', section).checked) return;
    client = new BuoySdk.Buoy({
      url,
      apiKey,
      name: key,
      operator: `${name} operator`,
      onCorrection: ({ uuid, status, word }) => {
        log(`⇐ ${uuid}: ${word ?? status}`);
        if (uuid === token.value) showStatus(word ?? status);
      },
      onResult: ({ uuid, outcome, truth, message }) => {
        log(`${uuid}: ${outcome}${message ? ` (${message})` : ''}`);
        if (uuid === token.value && truth) showTruth(truth);
      },
      onError: (error) => log(`… ${error.message}`),
    });
  };
  // While offline, a second client on the same queue stores the reports but cannot send them.
  const createOfflineClient = () => new BuoySdk.Buoy({ url: 'http://127.0.0.1:9', apiKey: 'offline', name: key, operator: `${name} operator` });
  $('.offline input', section).onchange = ({ target }) => {
    if (target.checked) {
      client?.close();
      client = createOfflineClient();
      log('offline');
    } else {
      connect();
      log('online');
    }
  };
  $('.key input', section).onchange = connect;
  for (const word of Object.keys(words)) {
    const button = document.createElement('button');
    button.textContent = word;
    button.onclick = async () => {
      showStatus(word);
      log(`⇒ ${word}`);
      await client.queue([{ uuid: token.value, status: word }]);
    };
    $('.words', section).append(button);
  }
  $('#systems').append(section);
  return { key, section, connect };
}

function showTruth(truth) {
  $('#truth').textContent = truth;
  for (const section of document.querySelectorAll('section')) {
    section.classList.toggle('agrees', section.dataset.status === truth);
    section.classList.toggle('differs', !!section.dataset.status && section.dataset.status !== truth);
  }
}

$('#new').onclick = async () => {
  const externalRefs = SYSTEMS.map(({ key }) => ({ system: key, externalId: `${key}-${Date.now()}` }));
  const input = { title: '示例：三个系统一张工单', description: 'SDK example', externalRefs };
  const created = await ask('mutation ($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id token } } }', { input });
  token.value = created.createTicket.ticket.token;
  $('#truth').textContent = 'NEW';
};

const cards = SYSTEMS.map(createCard);
async function initialize() {
  try {
    const keys = await demoKeys();
    for (const { key, section, connect } of cards) {
      $('.key input', section).value = keys[key] ?? '';
      connect();
    }
    $('#new').hidden = !admin;
    document.body.dataset.ready = 'yes';
  } catch (error) {
    $('#truth').textContent = error.message;
  }
}
initialize();
