// @ts-check
/** Rows of a list of any length: pages of it are asked for as they are seen, and few are drawn. */

import { useEffect, useMemo, useRef, useState } from './vendor/preact-htm.mjs';
import { get } from './server.mjs';
import { follow } from './stream.mjs';

export const PAGE = 100;
const A_MOMENT = 120, AFTER_SCROLLING = 60;

/**
 * The rows of a paged answer.
 * @param {string} path @param {Record<string, unknown>} query @param {{first: number, last: number}} seen
 * @param {{every: number, still: () => boolean, about?: (news: any) => boolean}} how `still`: whether no row may move now
 */
export function useRows(path, query, seen, { every, still }) {
  const key = JSON.stringify([path, query]);
  const [held, hold] = useState(/** @type {any} */ ({ key: '', rows: new Map(), total: 0, more: null, error: null }));
  const [moved, setMoved] = useState(0);
  const there = useRef(held);
  there.current = held;
  const wanted = useRef(seen);
  wanted.current = seen;
  const asking = useRef(async (/** @type {boolean} */ _all) => {});
  useEffect(() => {
    const ending = new AbortController();
    let timer = 0, last = 0;
    const pages = () => {
      const found = [];
      for (let page = Math.floor(wanted.current.first / PAGE); page * PAGE <= wanted.current.last; page++) found.push(page);
      return found;
    };
    const ask = async (/** @type {boolean} */ anew) => {
      const fits = there.current.key === key;
      const needed = pages().filter((page) => anew || !fits || !(there.current.rows.has(page * PAGE) || page * PAGE >= there.current.total));
      if (!needed.length) return;
      last = Date.now();
      try {
        const answers = await Promise.all(needed.map((page) => get(path, { ...query, offset: page * PAGE, limit: PAGE }, ending.signal)));
        if (!ending.signal.aborted) hold((/** @type {any} */ before) => merged(before, key, answers, still(), anew, setMoved));
      } catch (error) {
        if (!ending.signal.aborted) hold((/** @type {any} */ before) => ({ ...before, key, error }));
      }
    };
    const soon = () => {
      if (timer || document.hidden) return;
      timer = setTimeout(() => ((timer = 0), void ask(true)), Math.max(A_MOMENT, last + every - Date.now()));
    };
    const shown = () => document.hidden || soon();
    asking.current = ask;
    void ask(true);
    const leave = follow(soon);
    document.addEventListener('visibilitychange', shown);
    return () => (ending.abort(), clearTimeout(timer), leave(), document.removeEventListener('visibilitychange', shown));
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
  const rows = same ? new Map(before.rows) : new Map();
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

/** Which rows of a box that scrolls are seen. @param {number} size @param {number} [beyond] */
export function useSeen(size, beyond = 8) {
  const box = useRef(/** @type {any} */ (null));
  const [at, setAt] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const element = box.current;
    const look = () => setAt({ top: element.scrollTop, height: element.clientHeight });
    const watching = new ResizeObserver(look);
    watching.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => (watching.disconnect(), element.removeEventListener('scroll', look));
  }, []);
  const first = Math.max(0, Math.floor(at.top / size) - beyond);
  const last = Math.ceil((at.top + at.height) / size) + beyond;
  const seen = useMemo(() => ({ first, last }), [first, last]);
  const show = (/** @type {number} */ row) => {
    const { scrollTop: top, clientHeight: height } = box.current;
    if (row * size < top) box.current.scrollTop = row * size;
    else if ((row + 1) * size > top + height) box.current.scrollTop = (row + 1) * size - height;
  };
  return { box, seen, show };
}
