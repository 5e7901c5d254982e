// @ts-check
/** The page: which screen an address is, the bar above it, its looks, and who may see it. Screens draw themselves. */

import { html, render, useEffect, useErrorBoundary, useRef, useState } from './vendor/preact-htm.mjs';
import { Edit } from './edit.mjs';
import { Home } from './home.mjs';
import { Job, Run } from './job.mjs';
import { Jobs, Runs } from './jobs.mjs';
import { Keys, keysAreOn, Wrong } from './pieces.mjs';
import { begin, kept, look, said, session, signedOut, signIn, signOut, token } from './server.mjs';
import { begin as beginToFollow, connection, follow } from './stream.mjs';
import { HERE, route, say, span, to, zone } from './times.mjs';

const KEY = 'kala-theme';
const AFTER = /** @type {Record<string, string>} */ ({ '': 'dark', dark: 'light', light: '' });

/** @returns {string} what is asked for: `light`, `dark`, or nothing for the system's */
export const theme = () => localStorage.getItem(KEY) ?? '';

/** Go on to the next of the three. */
export function nextTheme() {
  localStorage.setItem(KEY, AFTER[theme()] ?? '');
  show();
}

function show() {
  document.documentElement.style.colorScheme = theme() || 'light dark';
}

show();

const SKEW = 5_000; // milliseconds by which two clocks may differ without a word

/** Chips with words for what is not as usual. */
export function Chips() {
  const who = session.use();
  const state = connection.use();
  useEffect(() => {
    const asks = () => void look().catch(() => {});
    const leave = follow((news) => news.some(({ event }) => event.startsWith('server_') || event === 'missed') && asks());
    const timer = setInterval(() => document.hidden || asks(), 60_000);
    return () => (leave(), clearInterval(timer));
  }, []);
  const ahead = who && Math.abs(who.ahead) > SKEW ? who.ahead : 0;
  return html`<div class="chips">
    ${who?.trouble && html`<span class="chip bad">${who.trouble}</span>`}
    ${who?.scope === 'read' && html`<span class="chip">read-only</span>`}
    ${who?.pause?.paused && html`<a class="chip skip" href="#pause" onClick=${toPause}>paused</a>`}
    ${who?.notes.map((/** @type {string} */ note) => note.startsWith('paused') || html`<span class="chip skip">${note}</span>`)}
    ${ahead !== 0 && html`<span class="chip skip">this machine’s clock is ${span(Math.abs(ahead) / 1000)} ${ahead > 0 ? 'behind' : 'ahead'}</span>`}
    <span class=${`live ${state}`} role="status"><i></i>${{ live: 'live', lost: 'connection lost, trying again' }[state] ?? '…'}</span>
  </div>`;
}

/** @param {Event} event */
function toPause(event) {
  event.preventDefault();
  const told = /** @type {HTMLElement | null} */ (document.getElementById('pause'));
  if (told) told.focus();
  else location.hash = '#/';
}

/** In which zone times are told: the reader's, UTC, the server's, or that of the address. */
export function Zones() {
  const chosen = zone.use();
  const who = session.use();
  const names = [...new Set([HERE, 'UTC', who?.timezone ?? 'UTC', chosen])];
  const told = (/** @type {string} */ name) => `${name}${name === HERE ? ' (here)' : name === who?.timezone ? ' (server)' : ''}`;
  return html`<select class="zones" aria-label="Time zone of this page" value=${chosen}
    onChange=${(/** @type {any} */ event) => say({ zone: event.target.value })}>
    ${names.map((name) => html`<option value=${name} selected=${name === chosen}>${told(name)}</option>`)}
  </select>`;
}

/** @param {import('./times.mjs').Route} at */
function screen({ path: [kind, id, more] }) {
  if (!kind) return html`<${Home} />`;
  if (kind === 'jobs') return html`<${Jobs} />`;
  if (kind === 'runs') return html`<${Runs} />`;
  if (kind === 'new') return html`<${Edit} key="new" />`;
  if (kind === 'job' && id && more === 'edit') return html`<${Edit} key=${id} id=${id} />`;
  if (kind === 'job' && id) return html`<${Job} key=${id} id=${id} />`;
  if (kind === 'run' && id) return html`<${Run} key=${id} id=${id} lines=${more ?? ''} />`;
  return html`<main><h1>There is no such page</h1><p><a href=${to('')}>What is now</a></p></main>`;
}

function Bar() {
  const { path } = route.use();
  const who = session.use();
  const [, redraw] = useState(0);
  const [keys, showKeys] = useState(false);
  useEffect(() => {
    const told = () => showKeys(true);
    addEventListener('kala-keys', told);
    return () => removeEventListener('kala-keys', told);
  }, []);
  const current = (/** @type {boolean} */ is) => (is ? 'page' : undefined);
  return html`<header>
    <a class="skip-link" href="#content" onClick=${(/** @type {Event} */ event) => {
      event.preventDefault();
      document.querySelector('main')?.focus();
    }}>To the content</a>
    <a class="brand" href=${to('')}>kala</a>
    <nav aria-label="Screens">
      <a href=${to('')} aria-current=${current(!path[0])}>Now</a>
      <a href=${to('jobs')} aria-current=${current(path[0] === 'jobs')}>Jobs</a>
      ${who?.scope === 'full' && html`<a href=${to('new')} aria-current=${current(path[0] === 'new')}>New</a>`}
    </nav>
    <div class="spring"></div>
    <${Chips} />
    <${Zones} />
    <button class="plain" aria-label=${`Colours: ${theme() || 'as the system has it'}`} onClick=${() => (nextTheme(), redraw((n) => n + 1))}>
      <svg class="shape accentless" viewBox="0 0 10 10" aria-hidden="true"><path class="thin" d="M5 .8a4.2 4.2 0 1 0 .01 0z" /><path d="M5 .8a4.2 4.2 0 0 0 0 8.4z" /></svg></button>
    <button class="plain" aria-label="Keys" onClick=${() => showKeys(true)}>?</button>
    ${token() && html`<button class="plain" onClick=${signOut}>Sign out</button>`}
    ${keys && html`<${Keys} close=${() => showKeys(false)} />`}
  </header>`;
}

function SignIn() {
  const [wrong, setWrong] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const [stay, setStay] = useState(false);
  const field = useRef(/** @type {any} */ (null));
  useEffect(() => field.current?.focus(), []);
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      setWrong((await signIn(field.current.value.trim(), stay)) ? null : new Error('This is none of the server’s tokens.'));
    } catch (error) {
      setWrong(error);
    }
    setBusy(false);
  };
  return html`<main class="signin" tabindex="-1"><form onSubmit=${send}>
    <h1>kala</h1>
    <label for="token">Token</label>
    <input id="token" ref=${field} type="password" autocomplete="current-password" required aria-describedby="where" />
    <label class="check"><input type="checkbox" checked=${stay} onChange=${(/** @type {any} */ event) => setStay(event.target.checked)} /> Stay signed in on this machine</label>
    <button class="main-button" disabled=${busy}>Sign in</button>
    <${Wrong} error=${wrong} />
    <p id="where" class="soft">${stay ? 'It is kept by this browser until you sign out.' : 'It stays in this tab, and is handed to other tabs of this page only.'} <code>kala token new</code> makes one.</p>
  </form></main>`;
}

function App() {
  const out = signedOut.use();
  const at = route.use();
  const words = said.use();
  zone.use();
  const [error, reset] = useErrorBoundary((told) => console.error(told));
  useEffect(() => void (error && addEventListener('hashchange', () => reset(), { once: true })), [error]);
  const followed = connection.use();
  if (out) return html`<${SignIn} />`;
  // Nothing is asked for before it is followed: what happened between the two would not be seen.
  if (out === null || !followed) return html`<main class="ghost" aria-busy="true"></main>`;
  return html`<${Bar} />
    ${error ? html`<main><h1>This page has failed</h1><${Wrong} error=${error} /></main>` : screen(at)}
    <div class="unseen" aria-live="polite">${words}</div>`;
}

keysAreOn(kept('keys', 'on'));
render(html`<${App} />`, document.body);
begin().then(() => beginToFollow(), (error) => render(html`<main><h1>kala</h1><${Wrong} error=${error} /></main>`, document.body));
session.users.add(() => session.value && document.body.classList.toggle('read-only', session.value.scope !== 'full'));
