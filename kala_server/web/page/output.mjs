// @ts-check
/** What a run has printed: its lines as they come, in their colours, found, followed, and each with an address. */

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from './vendor/preact-htm.mjs';
import { count, Wrong } from './pieces.mjs';
import { address, ask, headers } from './server.mjs';
import { go, to } from './times.mjs';

const ESCAPES = /\x1b(?:\[([0-9;:]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()][0-9A-Za-z]|[@-Z\\^_=>78c]|\[?$)/g;

/** @typedef {{text: string, classes: string}} Piece */

/** @type {Record<string, string>} */
const ATTRIBUTES = { 1: 'b', 2: 'dim', 3: 'i', 4: 'u', 7: 'inv', 9: 's' };
/** @type {Record<string, string[]>} */
const ENDS = { 22: ['b', 'dim'], 23: ['i'], 24: ['u'], 27: ['inv'], 29: ['s'] };

/** What has been said so far: it goes on from line to line. */
class Pen {
  constructor() {
    /** @type {Set<string>} */
    this.marks = new Set();
    this.fore = '';
    this.back = '';
  }

  /** @param {string} codes */
  take(codes) {
    const all = codes.split(/[;:]/).map(Number);
    for (let n = 0; n < all.length; n++) {
      const code = all[n];
      if (code === 0) [this.marks, this.fore, this.back] = [new Set(), '', ''];
      else if (ATTRIBUTES[code]) this.marks.add(ATTRIBUTES[code]);
      else if (ENDS[code]) for (const mark of ENDS[code]) this.marks.delete(mark);
      else if (code === 38 || code === 48) n += this.long(code, all.slice(n + 1));
      else this.colour(code);
    }
  }

  /** One of the sixteen. @param {number} code */
  colour(code) {
    if (code === 39) this.fore = '';
    else if (code === 49) this.back = '';
    else if (code >= 30 && code < 38) this.fore = `f${code - 30}`;
    else if (code >= 90 && code < 98) this.fore = `f${code - 90}`;
    else if (code >= 40 && code < 48) this.back = `k${code - 40}`;
    else if (code >= 100 && code < 108) this.back = `k${code - 100}`;
  }

  /** One of 256, or of all: the nearest of those that are readable here. @param {number} code @param {number[]} rest */
  long(code, rest) {
    if (rest[0] === 5 && rest[1] < 16) this.colour((code === 38 ? 30 : 40) + (rest[1] % 8));
    return rest[0] === 5 ? 2 : rest[0] === 2 ? 4 : 0;
  }

  get classes() {
    return [...this.marks, this.fore, this.back].filter(Boolean).join(' ');
  }
}

/** A line as pieces of one look each; a carriage return begins it anew, as it does on a terminal. */
export class Reader {
  constructor() {
    this.pen = new Pen();
  }

  /** @param {string} line @returns {Piece[]} */
  read(line) {
    /** @type {Piece[]} */
    let pieces = [];
    let from = 0;
    const add = (/** @type {string} */ text) => {
      const cut = text.replace(/\r+$/, '').lastIndexOf('\r');
      if (cut >= 0) pieces = [];
      const plain = text.slice(cut + 1).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
      if (plain) pieces.push({ text: plain, classes: this.pen.classes });
    };
    for (const found of line.matchAll(ESCAPES)) {
      add(line.slice(from, found.index));
      if (found[2] === 'm') this.pen.take(found[1]);
      from = found.index + found[0].length;
    }
    add(line.slice(from));
    return pieces;
  }
}

/**
 * Pieces with what was searched apart from the rest, as `found`.
 * @param {Piece[]} pieces @param {string} wanted in lower case
 * @returns {(Piece & {found?: boolean})[]}
 */
export function marked(pieces, wanted) {
  const text = plain(pieces).toLowerCase();
  if (!wanted || !text.includes(wanted)) return pieces;
  const result = [];
  let at = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.text.length; ) {
      const inside = within(text, wanted, at + from);
      const length = Math.min(inside.until - at, piece.text.length) - from;
      result.push({ text: piece.text.slice(from, from + length), classes: piece.classes, found: inside.found });
      from += length;
    }
    at += piece.text.length;
  }
  return result;
}

/** @param {string} text @param {string} wanted @param {number} at */
function within(text, wanted, at) {
  const begin = text.indexOf(wanted, Math.max(0, at - wanted.length + 1));
  if (begin < 0) return { found: false, until: text.length };
  return begin <= at ? { found: true, until: begin + wanted.length } : { found: false, until: begin };
}

/** @param {Piece[]} pieces */
export const plain = (pieces) => pieces.map(({ text }) => text).join('');

const ROW = 18; // pixels of a line
const BEYOND = 12; // lines that are drawn above and below those that are seen

/** @typedef {import('./output.mjs').Piece[]} Line */

/** Turns what comes into lines; the last one may still go on. */
class Lines {
  constructor() {
    this.reader = new Reader();
    /** @type {Line[]} */
    this.whole = [];
    this.rest = '';
  }

  /** @param {string} text */
  add(text) {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.whole.push(this.reader.read(line));
  }

  all() {
    return this.rest ? [...this.whole, new Reader().read(this.rest)] : [...this.whole];
  }
}

/**
 * The lines of a run, and more while it goes on.
 * @param {{id: string, state: string} | null} run
 */
function useLines(run) {
  const [held, hold] = useState(/** @type {any} */ ({ lines: [], done: false, error: null }));
  const live = run?.state === 'running' || run?.state === 'waiting';
  const begun = useRef('');
  useEffect(() => {
    if (!run || (begun.current === run.id && !live)) return undefined; // it was followed to its end
    begun.current = run.id;
    const ending = new AbortController();
    const lines = new Lines();
    let frame = 0;
    const show = () => (frame ||= requestAnimationFrame(() => ((frame = 0), hold({ lines: lines.all(), done: false, error: null }))));
    const read = async () => {
      const answer = await ask(`run/${run.id}/output/`, { query: live ? { follow: true } : {}, signal: ending.signal });
      const reader = /** @type {any} */ (answer.body).pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        lines.add(part.value);
        show();
      }
      cancelAnimationFrame(frame);
      hold({ lines: lines.all(), done: true, error: null });
    };
    hold({ lines: [], done: false, error: null });
    read().catch((error) => ending.signal.aborted || hold({ lines: lines.all(), done: true, error }));
    return () => ending.abort();
  }, [run?.id]);
  return { ...held, live };
}

/** @param {{pieces: Line, wanted?: string}} props */
function Text({ pieces, wanted = '' }) {
  return marked(pieces, wanted).map(({ text, classes, found }) => {
    const piece = classes ? html`<span class=${classes}>${text}</span>` : text;
    return found ? html`<mark>${piece}</mark>` : piece;
  });
}

/** The last lines, as they come. @param {{run: any, most?: number}} props */
export function Tail({ run, most = 18 }) {
  const { lines, done, error } = useLines(run);
  const box = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  if (error) return html`<${Wrong} error=${error} />`;
  if (!lines.length) return html`<p class="soft">${done ? 'It printed nothing.' : run?.state === 'running' ? 'Nothing is printed yet.' : ''}</p>`;
  return html`<pre class="tail" ref=${box} tabindex="0" role="log" aria-live="off" aria-label="The last lines">${lines
    .slice(-most).map((/** @type {Line} */ line) => html`<${Text} pieces=${line} />${'\n'}`)}</pre>`;
}

/** @param {string} said such as `L120-L131` @returns {[number, number] | null} */
function linesOf(said) {
  const found = /^L(\d+)(?:-L(\d+))?$/.exec(said);
  return found && [+found[1], +(found[2] ?? found[1])];
}

/** All of it, in a window. @param {{run: any, picked?: string}} props */
export function Output({ run, picked = '' }) {
  const { lines, done, live, error } = useLines(run);
  const [top, setTop] = useState(0);
  const [wanted, want] = useState('');
  const [at, setAt] = useState(0);
  const [height, setHeight] = useState(400);
  const box = useRef(/** @type {any} */ (null));
  const atEnd = useRef(true);
  const shown = linesOf(picked);
  const lower = wanted.toLowerCase();
  const hits = useMemo(
    () => (lower ? lines.flatMap((/** @type {Line} */ line, /** @type {number} */ n) => (plain(line).toLowerCase().includes(lower) ? [n] : [])) : []),
    [lines, lower],
  );
  const see = (/** @type {number} */ line) => {
    if (!box.current) return;
    atEnd.current = false;
    box.current.scrollTop = Math.max(0, line * ROW - box.current.clientHeight / 2);
  };
  useLayoutEffect(() => {
    if (!box.current) return;
    setHeight(box.current.clientHeight);
    if (atEnd.current && !shown) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  useEffect(() => void (shown && lines.length && see(shown[0] - 1)), [picked, done]);
  useEffect(() => void (hits.length && see(hits[Math.min(at, hits.length - 1)])), [at, lower, !hits.length]);
  const scrolled = () => {
    setTop(box.current.scrollTop);
    atEnd.current = box.current.scrollTop + box.current.clientHeight > box.current.scrollHeight - ROW;
  };
  const step = (/** @type {any} */ event) => {
    if (event.key === 'Enter' && hits.length) setAt((n) => (n + (event.shiftKey ? hits.length - 1 : 1)) % hits.length);
    if (event.key === 'Escape') want('');
  };
  const choose = (/** @type {any} */ event, /** @type {number} */ line) => {
    event.preventDefault();
    const [from] = (event.shiftKey && shown) || [line];
    const [first, last] = [Math.min(from, line), Math.max(from, line)];
    go(to(`run/${run.id}/L${first}${last > first ? `-L${last}` : ''}`), Boolean(picked));
  };
  const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
  const last = Math.min(lines.length, Math.ceil((top + height) / ROW) + BEYOND);
  const told = lines.length ? count(lines.length, 'line') : done ? 'It printed nothing' : live ? 'Nothing is printed yet' : '';
  return html`<section class="output" aria-label="Output">
    <div class="tools"><span class="soft">${told}${live && !done && ' · following'}${run?.output_cut && ' · its middle was not kept'}</span>
      <span class="spring"></span>
      ${wanted && html`<span class="soft" role="status">${hits.length ? `${Math.min(at + 1, hits.length)} of ${count(hits.length, 'line')}` : 'not found'}</span>`}
      <input type="search" aria-label="Find in output" placeholder="Find in output" value=${wanted} onKeyDown=${step}
        onInput=${(/** @type {any} */ event) => (want(event.target.value), setAt(0))} />
      ${lines.length > 0 && html`<button class="plain" onClick=${() => download(run)}>Download</button>`}</div>
    <${Wrong} error=${error} />
    ${lines.length > 0 && html`<div class="lines" ref=${box} onScroll=${scrolled} tabindex="0" role="log" aria-live="off" aria-label="What it printed">
      <pre style=${{ height: `${lines.length * ROW}px` }}><div style=${{ transform: `translateY(${first * ROW}px)` }}>${lines
        .slice(first, last).map((/** @type {Line} */ line, /** @type {number} */ n) => html`<div key=${first + n}
          class=${`line ${shown && first + n + 1 >= shown[0] && first + n < shown[1] ? 'picked' : ''} ${hits[at] === first + n ? 'hit' : ''}`}><a
          href=${to(`run/${run.id}/L${first + n + 1}`)} tabindex="-1" aria-label=${`Line ${first + n + 1}`} onClick=${(/** @type {any} */ event) => choose(event, first + n + 1)}>${first + n + 1}</a><span><${Text}
          pieces=${line} wanted=${lower} /></span></div>`)}</div></pre></div>`}
  </section>`;
}

/** @param {any} run */
async function download(run) {
  const answer = await fetch(address(`run/${run.id}/output/`), { headers: headers() });
  const url = URL.createObjectURL(await answer.blob());
  const link = Object.assign(document.createElement('a'), { href: url, download: `${run.job_name} ${run.started_at}.txt` });
  link.click();
  URL.revokeObjectURL(url);
}
