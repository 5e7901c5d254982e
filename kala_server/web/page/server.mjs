// @ts-check
/**
 * What the page knows of its server and keeps of itself: answers that stay true, the token, values that parts share. It
 * draws nothing.
 */

import { useEffect, useState } from './vendor/preact-htm.mjs';

/** Everything kept or said is for this server alone: others may live on the same host, below another path. */
export const BASE = new URL('../api/v1/', location.href);

/**
 * A value that redraws whoever uses it.
 * @template T
 */
export class Shared {
  /** @param {T} value */
  constructor(value) {
    this.value = value;
    /** @type {Set<() => void>} */
    this.users = new Set();
  }

  /** @param {T} value */
  set(value) {
    if (value === this.value) return;
    this.value = value;
    for (const told of [...this.users]) told();
  }

  /** Within a component: the value, and a redraw when it changes. */
  use() {
    const [, redraw] = useState(0);
    const drawn = this.value;
    useEffect(() => {
      const told = () => redraw((n) => n + 1);
      this.users.add(told);
      if (this.value !== drawn) told(); // it has changed between the drawing and now
      return () => void this.users.delete(told);
    }, [this]);
    return this.value;
  }
}

const channel = new BroadcastChannel(`kala ${BASE.pathname}`);
/** @type {Map<string, Set<(said: any) => void>>} */
const listeners = new Map();
channel.onmessage = ({ data }) => listeners.get(data.kind)?.forEach((told) => told(data.said));

/** Tell the other tabs. @param {string} kind @param {unknown} [said] */
export const tellTabs = (kind, said) => channel.postMessage({ kind, said });

/** @param {string} kind @param {(said: any) => void} told @returns {() => void} what ends it */
export function hearTabs(kind, told) {
  const those = listeners.get(kind) ?? new Set();
  listeners.set(kind, those.add(told));
  return () => void those.delete(told);
}

/** What was said to this browser and holds for all its tabs. @param {string} name */
export function kept(name, otherwise = '') {
  const key = `kala ${BASE.pathname} ${name}`;
  const value = new Shared(localStorage.getItem(key) ?? otherwise);
  return {
    use: () => value.use(),
    get: () => value.value,
    /** @param {string} said */
    set(said) {
      localStorage.setItem(key, said);
      value.set(said);
    },
  };
}

/** Words for screen readers: own actions, and what a key has led to. */
export const said = new Shared('');

const KEY = `kala ${BASE.pathname} token`;
const PATIENCE = 200; // milliseconds for another tab to hand its token on

/** Whether somebody has to sign in; null while it is not known. */
export const signedOut = new Shared(/** @type {boolean | null} */ (null));
/** What the server says of itself and of us. */
export const session = new Shared(/** @type {any} */ (null));

/** An error as the server tells it (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status @param {{detail?: string, errors?: {field: string, message: string, example: unknown}[]}} said */
  constructor(status, said) {
    super(said.detail || `the server answered ${status}`);
    this.status = status;
    this.errors = said.errors ?? [];
  }
}

/** @returns {string} the one that this browser has; nothing where none is wanted, or a proxy adds it */
export const token = () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? '';

/** @param {Record<string, string>} [more] @returns {Record<string, string>} */
export function headers(more = {}) {
  return token() ? { Authorization: `Bearer ${token()}`, ...more } : more;
}

/** @param {string} path @param {Record<string, unknown>} query a list names its parameter several times */
export function address(path, query = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== undefined && one !== null && one !== '') url.searchParams.append(name, String(one));
  }
  return url;
}

/** @param {string} path @param {RequestInit & {query?: Record<string, unknown>}} [how] */
export async function ask(path, { query, ...how } = {}) {
  const answer = await fetch(address(path, query), { ...how, headers: headers(/** @type {any} */ (how.headers)) }).catch((error) => {
    throw how.signal?.aborted ? error : new Problem(0, { detail: 'The server cannot be reached.' });
  });
  if (answer.ok) return answer;
  if (answer.status === 401) signedOut.set(true);
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

/** @param {string} path @param {Record<string, unknown>} [query] @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = async (path, query, signal) => (await ask(path, { query, signal })).json();

/**
 * Do something; what it answers, or nothing.
 * @param {string} method @param {string} path @param {unknown} [body]
 * @param {{query?: Record<string, unknown>, tag?: string | null}} [more] the tag of what it is to change
 */
export async function act(method, path, body, { query, tag } = {}) {
  const answer = await ask(path, {
    method,
    query,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: tag ? { 'If-Match': tag } : undefined,
  });
  const text = await answer.text();
  return { answer, said: text ? JSON.parse(text) : null };
}

/** Find out who we are, with a token of another tab where we have none. */
export async function begin() {
  // As in http://kala:TOKEN@host/, which no other address of this page says again.
  const { password } = new URL(document.baseURI);
  if (password) sessionStorage.setItem(KEY, decodeURIComponent(password));
  hearTabs('who has a token?', () => token() && tellTabs('token', token()));
  hearTabs('token', (/** @type {string} */ handed) => {
    if (token() || !handed) return;
    sessionStorage.setItem(KEY, handed);
    void look().catch(() => {});
  });
  hearTabs('signed out', forget);
  if (!(await look()) && !token()) {
    tellTabs('who has a token?');
    await new Promise((done) => setTimeout(done, PATIENCE));
    if (session.value === null) await look();
  }
}

/** Look whether we may; false where a token is wanted. */
export async function look() {
  try {
    const asked = Date.now();
    const { session: found } = await get('session/');
    session.set({ ...found, ahead: Date.parse(found.now) - (asked + Date.now()) / 2 });
    signedOut.set(false);
    return true;
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return false;
    throw error;
  }
}

/** @param {string} said @param {boolean} stay whether it is kept when the browser is closed */
export async function signIn(said, stay) {
  sessionStorage.setItem(KEY, said);
  if (stay) localStorage.setItem(KEY, said);
  if (await look()) {
    tellTabs('token', said);
    return true;
  }
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  return false;
}

/** Forget the token, in all tabs. */
export function signOut() {
  tellTabs('signed out');
  forget();
}

function forget() {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  session.set(null);
  signedOut.set(true);
}
