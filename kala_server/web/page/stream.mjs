// @ts-check
/**
 * What happens, as it happens: one stream for all tabs of a browser, read by the one that has the lock, which tells the
 * others. A browser opens six connections to a server; with a stream each, the sixth tab would hang.
 */

import { useEffect, useRef, useState } from './vendor/preact-htm.mjs';
import { ask, BASE, get, hearTabs, Problem, Shared, signedOut, tellTabs } from './server.mjs';

const SILENCE = 40_000; // the server says something every 15 s
const LONGEST_PAUSE = 5_000;
const UNKNOWN = 2_000; // after which a connection of which nothing is heard is none

/** `live`, `lost`, or nothing while it is not known. */
export const connection = new Shared('');

/** @typedef {{event: string, data: any}} News */
/** @type {Set<(news: News[]) => void>} */
const followers = new Set();
let latest = '';

/** @param {(news: News[]) => void} told @returns {() => void} what ends it */
export function follow(told) {
  followers.add(told);
  return () => void followers.delete(told);
}

/** Begin to follow, as the one that reads or as one that is told. */
export function begin() {
  hearTabs('news', ({ id, news }) => {
    latest = id;
    tellFollowers(news);
  });
  hearTabs('connection', (said) => connection.set(said));
  hearTabs('which connection?', () => leads && tellTabs('connection', connection.value));
  tellTabs('which connection?');
  if (navigator.locks) void navigator.locks.request(`kala ${BASE.pathname} stream`, read);
  else void read(); // not a secure context: each tab for itself
  setTimeout(() => connection.value || connection.set('lost'), UNKNOWN);
}

let leads = false;

/** @param {News[]} news */
function tellFollowers(news) {
  for (const told of [...followers]) told(news);
}

/** @param {string} said */
function isNow(said) {
  if (said === 'live' && connection.value === 'lost') publish([{ event: 'missed', data: {} }]);
  connection.set(said);
  tellTabs('connection', said);
}

/** @param {News[]} news */
function publish(news) {
  tellFollowers(news);
  tellTabs('news', { id: latest, news });
}

/** Read for as long as the tab lives. */
async function read() {
  leads = true;
  for (let pause = 200; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      await readOnce(() => (pause = 200));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) await new Promise((done) => signedOut.users.add(/** @type {any} */ (done)));
    }
    isNow('lost');
    await new Promise((done) => setTimeout(done, pause));
  }
}

/** @param {() => void} begun */
async function readOnce(begun) {
  const ending = new AbortController();
  let timer = 0;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => ending.abort(), SILENCE);
  };
  alive();
  try {
    const answer = await ask('events/', { signal: ending.signal, headers: latest ? { 'Last-Event-ID': latest } : {} });
    const reader = /** @type {any} */ (answer.body).pipeThrough(new TextDecoderStream()).getReader();
    begun();
    isNow('live');
    for (let rest = ''; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop() ?? '';
      const news = blocks.flatMap(newsOf);
      if (news.length) publish(news);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** @param {string} block @returns {News[]} the event in a block of lines, none of a comment */
function newsOf(block) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of block.split('\n')) {
    const at = line.indexOf(': ');
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  if (fields.id) latest = fields.id;
  return fields.event ? [{ event: fields.event, data: JSON.parse(fields.data ?? '{}') }] : [];
}

const A_MOMENT = 120; // events come in bursts

/**
 * The answer to a question, or the one before while it is not there yet.
 * @param {string | null} path none while it cannot be asked
 * @param {Record<string, unknown>} [query]
 * @param {{about?: (news: News) => boolean, every?: number}} [how] which events make it another
 *   one, and how many milliseconds it is good for even then
 * @returns {{data: any, error: any, fresh: boolean, again: () => Promise<void>}}
 */
export function useAnswer(path, query = {}, { about, every = 2000 } = {}) {
  const key = path === null ? '' : `${path}?${JSON.stringify(query)}`;
  const [held, hold] = useState(/** @type {any} */ ({ key: '', data: null, error: null }));
  const asking = useRef(async () => {});
  useEffect(() => {
    if (path === null) return undefined;
    const ending = new AbortController();
    let timer = 0;
    let last = 0;
    const now = async () => {
      clearTimeout(timer);
      timer = 0;
      last = Date.now();
      try {
        const data = await get(path, query, ending.signal);
        if (!ending.signal.aborted) hold({ key, data, error: null });
      } catch (error) {
        if (!ending.signal.aborted) hold((/** @type {any} */ before) => ({ ...before, key, error }));
      }
    };
    const soon = () => {
      if (!timer && !document.hidden) timer = setTimeout(now, Math.max(A_MOMENT, last + every - Date.now()));
    };
    const shown = () => !document.hidden && soon();
    const leave = about && follow((news) => news.some((one) => one.event === 'missed' || about(one)) && soon());
    document.addEventListener('visibilitychange', shown);
    asking.current = now;
    void now();
    return () => {
      ending.abort();
      clearTimeout(timer);
      leave?.();
      document.removeEventListener('visibilitychange', shown);
    };
  }, [key]);
  return { data: held.data, error: held.error, fresh: held.key === key, again: () => asking.current() };
}

/** Events of one job. @param {string} id */
export const ofJob = (id) => (/** @type {News} */ { data }) => data.job_id === id || data.job_id === null;

/** Of any job. */
export const anything = () => true;
