'use strict';

// The page of a sink. What messages hold is only ever put in as text; their HTML goes into a frame of its own, without rights.

const PAGE = 100;              // messages of one request
const SOURCE_SHOWN = 500000;   // characters

const $ = id => document.getElementById(id);
let shown = [];                // summaries, the newest first
let more = 0;                  // older ones that are not in the list
let chosen = null;             // the id of the message that is open
let details = null;
let cleared = null;            // how often somebody has taken messages away
let asking = null, again = false;

// ---- asking the server

async function ask(path, how) {
  const reply = await fetch('api' + path, how);
  if (reply.ok) return reply;
  let why = reply.statusText;
  try { why = (await reply.json()).error; } catch (e) { /* no JSON: the status has to do */ }
  throw new Error(why);
}

const get = async path => (await ask(path)).json();

function list(more) {
  return get('/messages?' + new URLSearchParams({ limit: PAGE, search: $('search').value.trim(), ...more }));
}

// One request at a time: what changes meanwhile is asked for afterwards.
async function refresh(whole) {
  if (asking) { again = again || (whole ? 'whole' : 'new'); return asking; }
  asking = take(whole).catch(tell);
  await asking;
  asking = null;
  if (again) { const was = again; again = false; return refresh(was === 'whole'); }
}

async function take(whole) {
  const search = $('search').value;
  const newest = !whole && shown.length ? { after: shown[0].id } : {};
  let got = await list(newest);
  if (newest.after && (got.cleared !== cleared || got.more)) { got = await list(); whole = true; }
  if (search !== $('search').value) { again = 'whole'; return; }
  const found = got.messages.reverse();
  if (whole || !newest.after) { shown = found; more = got.more; }
  else {
    const room = found.length + shown.length - 10 * PAGE;
    shown = found.concat(shown);
    if (room > 0) { shown.length = 10 * PAGE; more += room; }
  }
  cleared = got.cleared;
  count(got, search);
  draw(newest.after && !whole ? found : null);
}

function count(got, search) {
  const kept = got.total - got.dropped;
  const words = [plural(got.total, 'message')];
  if (search.trim()) words.unshift(plural(shown.length + more, 'match', 'matches') + ' in');
  if (got.dropped) words.push(`, the last ${kept} of them kept`);
  $('count').textContent = words.join(' ').replace(' ,', ',');
  document.title = got.total ? `(${got.total}) Sink` : 'Sink';
  $('empty').hidden = got.total > 0;
  $('older').hidden = more === 0;
}

const plural = (n, one, many) => n + ' ' + (n === 1 ? one : many || one + 's');

async function older() {
  const got = await list({ before: shown[shown.length - 1].id });
  shown = shown.concat(got.messages.reverse());
  more = got.more;
  $('older').hidden = more === 0;
  draw();
}

// ---- the list

function element(name, attributes, ...inside) {
  const it = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === 'class') it.className = value;
    else it.setAttribute(key, value);
  }
  it.append(...inside);
  return it;
}

function draw(added) {
  const place = $('messages');
  if (added) {
    place.prepend(...added.map(row));
    while (place.children.length > shown.length) place.lastChild.remove();
  } else {
    place.replaceChildren(...shown.map(row));
  }
  mark();
}

function row(message) {
  const others = message.recipients.length - 1;
  const first = message.recipients.length ? message.recipients[0].address : 'nobody';
  const it = element('li', { 'data-id': message.id },
    element('div', { class: 'top' },
      element('span', { class: 'who' }, message.author || message.from || '<>'), element('time', {}, clock(message.time))),
    element('div', { class: 'subject' }, message.subject || '(no subject)'),
    element('div', { class: 'bottom' },
      element('span', { class: 'to' }, 'to ' + first + (others > 0 ? ` and ${others} more` : '')), badge(worst(message.recipients))));
  it.addEventListener('click', () => open(message.id));
  return it;
}

const badge = status => element('span', { class: 'status ' + status }, status === 'none' ? 'no reply' : status);

function worst(recipients) {
  return ['none', 'failure', 'deferral', 'success'].find(status => recipients.some(one => one.status === status)) || 'none';
}

function clock(seconds) {
  const time = new Date(seconds * 1000);
  return time.toDateString() === new Date().toDateString() ? time.toLocaleTimeString() : time.toLocaleString();
}

function mark() {
  for (const it of $('messages').children) {
    if (Number(it.dataset.id) === chosen) it.setAttribute('aria-current', 'true');
    else it.removeAttribute('aria-current');
  }
}

// ---- one message

async function open(id) {
  const got = await get('/messages/' + id).catch(tell);
  if (!got) return;
  chosen = id;
  details = got;
  document.body.classList.add('open');
  $('message').hidden = false;
  $('message').scrollTop = 0;
  $('subject').textContent = got.subject || '(no subject)';
  $('download').href = `api/messages/${id}/source?download=1`;
  head(got);
  $('verdicts').tBodies[0].replaceChildren(...got.recipients.map(one => element('tr', {},
    element('td', {}, one.address), element('td', {}, badge(one.status)),
    element('td', { class: 'reply' }, one.reply, element('span', { class: 'dim' }, ` (${one.stage})`)))));
  tabs(got);
  mark();
}

function head(got) {
  const parameters = Object.entries(got.from_params || {}).map(([key, value]) => value === null ? key : `${key}=${value}`);
  const rows = {
    'Envelope from': `<${got.from}>` + (parameters.length ? ' ' + parameters.join(' ') : ''),
    From: got.author, To: got.to, Date: got.date,
    Came: `${new Date(got.time * 1000).toLocaleString()}, ${got.size.toLocaleString()} octets by ${got.protocol.toUpperCase()}`
      + (got.by ? ` (${got.by})` : '') + `, link ${got.link}` + (got.lhlo ? `, LHLO ${got.lhlo}` : ''),
    Stored: got.stored,
  };
  $('head').replaceChildren(...Object.entries(rows).filter(([, value]) => value)
    .flatMap(([key, value]) => [element('dt', {}, key), element('dd', {}, value)]));
}

function tabs(got) {
  const all = [];
  if (got.html) all.push(['HTML', html]);
  if (got.text !== null) all.push(['Text', () => [element('pre', {}, got.text)]]);
  all.push(['Header', () => [table(got.fields)]], [`Parts (${got.parts.length})`, parts], ['Source', source]);
  if (got.problem) all.unshift(['Message', () => [element('p', {}, `This message is ${got.problem}. Its source can be seen, and downloaded.`)]]);
  $('tabs').replaceChildren(...all.map(([name, draw]) => {
    const button = element('button', { role: 'tab', 'aria-selected': 'false' }, name);
    button.addEventListener('click', () => choose(button, draw));
    return button;
  }));
  $('tabs').firstChild.click();
}

async function choose(button, draw) {
  for (const it of $('tabs').children) it.setAttribute('aria-selected', String(it === button));
  const id = chosen;
  const inside = await Promise.resolve(draw()).catch(error => [element('p', {}, error.message)]);
  if (id === chosen && button.getAttribute('aria-selected') === 'true') $('content').replaceChildren(...inside);
}

const html = () => [element('iframe', { sandbox: '', referrerpolicy: 'no-referrer', title: 'The message, as HTML', src: `api/messages/${chosen}/html` })];

const table = rows => element('table', {}, element('tbody', {}, ...rows.map(cells => element('tr', {}, ...cells.map(cell => element('td', {}, cell))))));

function parts() {
  return [table(details.parts.map(part => {
    const path = `api/messages/${chosen}/parts/${part.number}`;
    const link = element('a', { href: path + '?download=1', download: '' }, part.name || `part ${part.number + 1}`);
    return [part.type, part.image ? element('div', {}, link, element('img', { src: path, alt: '' })) : link, `${part.size.toLocaleString()} octets`];
  }))];
}

async function source() {
  const text = await (await ask(`/messages/${chosen}/source`)).text();
  const cut = text.length > SOURCE_SHOWN;
  const pre = element('pre', {}, cut ? text.slice(0, SOURCE_SHOWN) : text);
  return cut ? [pre, element('p', { class: 'dim' }, 'The rest is in the download.')] : [pre];
}

function close() {
  chosen = details = null;
  document.body.classList.remove('open');
  $('message').hidden = true;
  $('content').replaceChildren();
  mark();
}

async function remove() {
  if (chosen === null) return;
  const at = shown.findIndex(one => one.id === chosen);
  const next = shown[at + 1] || shown[at - 1];
  await ask('/messages/' + chosen, { method: 'DELETE' });
  if (next) await open(next.id);
  else close();
  await refresh(true);
}

function step(by) {
  const at = shown.findIndex(one => one.id === chosen);
  const next = shown[at < 0 ? 0 : at + by];
  if (!next) return;
  open(next.id);
  const it = $('messages').querySelector(`[data-id="${next.id}"]`);
  if (it) it.scrollIntoView({ block: 'nearest' });
}

// ---- rules, clear, keys

async function rules() {
  $('rules-text').value = (await get('/rules')).text;
  $('rules-error').textContent = '';
  $('rules').showModal();
}

async function saveRules() {
  try {
    await ask('/rules', { method: 'PUT', headers: { 'Content-Type': 'text/plain' }, body: $('rules-text').value });
  } catch (error) {
    $('rules-error').textContent = error.message;
    return;
  }
  $('rules').close();
  tell(new Error('The rules are set.'));
}

async function clear() {
  $('sure').close();
  await ask('/messages', { method: 'DELETE' });
  close();
  await refresh(true);
}

let notice;
function tell(error) {
  $('notice').textContent = error.message;
  $('notice').hidden = false;
  clearTimeout(notice);
  notice = setTimeout(() => { $('notice').hidden = true; }, 5000);
}

const KEYS = {
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1), r: rules, '/': () => $('search').focus(),
  '?': () => $('help').showModal(), Delete: remove, Escape: close,
};

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]')) return;
  if (event.target === $('search')) {
    if (event.key === 'Escape' || event.key === 'Enter') { event.target.blur(); $('messages').focus(); }
    return;
  }
  const tab = /^[1-9]$/.test(event.key) && $('tabs').children[event.key - 1];
  const act = KEYS[event.key] || (tab && (() => tab.click()));
  if (!act || (event.key.startsWith('Arrow') && $('message').contains(event.target))) return;
  event.preventDefault();
  Promise.resolve(act()).catch(tell);
}

const on = (id, act, event = 'click') => $(id).addEventListener(event, () => Promise.resolve(act()).catch(tell));

async function begin() {
  on('older', older);
  on('back', close);
  on('remove', remove);
  on('rules-button', rules);
  on('rules-save', saveRules);
  on('rules-cancel', () => $('rules').close());
  on('clear-button', () => $('sure').showModal());
  on('sure-no', () => $('sure').close());
  on('sure-yes', clear);
  on('help-button', () => $('help').showModal());
  on('help-close', () => $('help').close());
  on('search', () => refresh(true), 'input');
  document.addEventListener('keydown', key);
  const events = new EventSource('api/events');
  events.addEventListener('changed', () => refresh(false));
  events.addEventListener('open', () => live(true));
  events.addEventListener('error', () => live(false));
  const about = await get('/');
  $('servers').replaceChildren(...about.servers.map(one => element('li', {}, element('code', {}, one.url))));
}

function live(is) {
  $('live').className = is ? 'on' : '';
  $('live').setAttribute('aria-label', is ? 'connected' : 'not connected');
}

begin().catch(tell);
