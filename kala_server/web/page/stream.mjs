// @ts-check
/**
 * What happens, as it happens, and answers that stay true by it: of one thing, or rows of a list of any length. One stream for all tabs of a browser, read by the one that has the lock, which tells the
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
  if (said === 'live' && connection.value) publish([{ event: 'missed', data: {} }]); // it was lost, or another tab's, who may have been gone for a moment
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
 * Ask now, and soon after something has happened: not more often than said, and not while nobody looks.
 * @param {() => Promise<void>} ask @param {number} every milliseconds that an answer is good for at least
 * @param {(news: News) => boolean} [about] which events make it another one @returns {() => void} what ends it
 */
function keepAsking(ask, every, about) {
  let timer = 0, last = 0;
  const now = () => {
    timer = 0;
    last = Date.now();
    void ask();
  };
  const soon = () => {
    if (!timer && !document.hidden) timer = setTimeout(now, Math.max(A_MOMENT, last + every - Date.now()));
  };
  const leave = follow((news) => about && news.some((one) => one.event === 'missed' || about(one)) && soon());
  document.addEventListener('visibilitychange', soon);
  now();
  return () => {
    clearTimeout(timer);
    leave();
    document.removeEventListener('visibilitychange', soon);
  };
}

/**
 * The answer to a question, or the one before while it is not there yet.
 * @param {string | null} path none while it cannot be asked
 * @param {Record<string, unknown>} [query]
 * @param {{about?: (news: News) => boolean, every?: number}} [how] as `keepAsking` has them
 * @returns {{data: any, error: any, fresh: boolean, again: () => Promise<void>}}
 */
export function useAnswer(path, query = {}, { about, every = 2000 } = {}) {
  const key = path === null ? '' : `${path}?${JSON.stringify(query)}`;
  const [held, hold] = useState(/** @type {any} */ ({ key: '', data: null, error: null }));
  const asking = useRef(async () => {});
  useEffect(() => {
    if (path === null) return undefined;
    const ending = new AbortController();
    asking.current = async () => {
      try {
        const data = await get(path, query, ending.signal);
        if (!ending.signal.aborted) hold({ key, data, error: null });
      } catch (error) {
        if (!ending.signal.aborted) hold((/** @type {any} */ before) => ({ ...before, key, error }));
      }
    };
    const leave = keepAsking(asking.current, every, about);
    return () => (ending.abort(), leave());
  }, [key]);
  return { data: held.data, error: held.error, fresh: held.key === key, again: () => asking.current() };
}

/** Events of one job. @param {string} id */
export const ofJob = (id) => (/** @type {News} */ { data }) => data.job_id === id || data.job_id === null;

/** Of any job. */
export const anything = () => true;

const PAGE = 100, AFTER_SCROLLING = 60;

/**
 * The rows of a paged answer.
 * @param {string} path @param {Record<string, unknown>} query @param {ReturnType<typeof useSeen>} where
 * @param {{every: number, still: () => boolean}} how `still`: whether no row may move now
 */
export function useRows(path, query, { seen, look }, { every, still }) {
  const key = JSON.stringify([path, query]);
  const [held, hold] = useState(/** @type {any} */ ({ key: '', rows: new Map(), total: 0, more: null, error: null }));
  const [moved, setMoved] = useState(0);
  const there = useRef(held);
  there.current = held;
  const asking = useRef(async (/** @type {boolean} */ _all) => {});
  useEffect(() => {
    const ending = new AbortController();
    const pages = () => {
      const found = [], { first, last } = look();
      for (let page = Math.floor(first / PAGE); page * PAGE <= last; page++) found.push(page);
      return found;
    };
    const ask = async (/** @type {boolean} */ anew) => {
      const fits = there.current.key === key;
      const needed = pages().filter((page) => anew || !fits || !(there.current.rows.has(page * PAGE) || page * PAGE >= there.current.total));
      if (!needed.length) return;
      try {
        const answers = await Promise.all(needed.map((page) => get(path, { ...query, offset: page * PAGE, limit: PAGE }, ending.signal)));
        if (!ending.signal.aborted) hold((/** @type {any} */ before) => merged(before, key, answers, still(), anew, setMoved));
      } catch (error) {
        if (!ending.signal.aborted) hold((/** @type {any} */ before) => ({ ...before, key, error }));
      }
    };
    asking.current = ask;
    const leave = keepAsking(() => ask(true), every, anything);
    return () => (ending.abort(), leave());
  }, [key]);
  useEffect(() => {
    const timer = setTimeout(() => void asking.current(false), AFTER_SCROLLING);
    return () => clearTimeout(timer);
  }, [Math.floor(seen.first / PAGE), Math.floor(seen.last / PAGE)]);
  return { ...held, moved, again: () => asking.current(true), fresh: held.key === key };
}

/**
 * What is held, with these answers. Where no row may move they only change those that are there.
 * @param {any} before @param {string} key @param {any[]} answers @param {boolean} still @param {boolean} anew
 * @param {(n: number) => void} setMoved
 */
function merged(before, key, answers, still, anew, setMoved) {
  const same = before.key === key;
  const rows = same && (still || !anew) ? new Map(before.rows) : new Map();
  let moved = 0;
  for (const { offset, rows: found } of answers) {
    if (!(same && still && anew)) {
      found.forEach((/** @type {any} */ row, /** @type {number} */ n) => rows.set(offset + n, row));
      continue;
    }
    const known = new Map(found.map((/** @type {any} */ row) => [row.id, row]));
    found.forEach((/** @type {any} */ row, /** @type {number} */ n) => {
      const there = rows.get(offset + n);
      if (!there) rows.set(offset + n, row);
      else {
        if (there.id !== row.id) moved++;
        rows.set(offset + n, known.get(there.id) ?? there);
      }
    });
  }
  setMoved(moved);
  return { key, rows, total: answers[0].total, more: answers[0], error: null };
}

/** Which rows of a box that scrolls are seen: as they were drawn, and as it is now (`look`). @param {number} size @param {number} [beyond] */
export function useSeen(size, beyond = 8) {
  const box = useRef(/** @type {any} */ (null));
  const look = () => {
    const { scrollTop: top, clientHeight: height } = box.current ?? { scrollTop: 0, clientHeight: 600 };
    return { first: Math.max(0, Math.floor(top / size) - beyond), last: Math.ceil((top + height) / size) + beyond };
  };
  const [seen, see] = useState(look);
  useEffect(() => {
    const element = box.current;
    const moved = () => see((before) => (JSON.stringify(before) === JSON.stringify(look()) ? before : look()));
    const watching = new ResizeObserver(moved);
    watching.observe(element);
    element.addEventListener('scroll', moved, { passive: true });
    return () => (watching.disconnect(), element.removeEventListener('scroll', moved));
  }, []);
  const show = (/** @type {number} */ row) => {
    const { scrollTop: top, clientHeight: height } = box.current;
    if (row * size < top) box.current.scrollTop = row * size;
    else if ((row + 1) * size > top + height) box.current.scrollTop = (row + 1) * size - height;
  };
  return { box, seen, look, show };
}
