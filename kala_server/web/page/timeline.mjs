// @ts-check
/** Past and future of all jobs on one axis, a row a job, with keys as a list has them. Nothing about schedules is computed. */

import { html, useEffect, useMemo, useRef, useState } from './vendor/preact-htm.mjs';
import { count, isLetter, Shape, word, Wrong, WRONG } from './pieces.mjs';
import { said } from './server.mjs';
import { useRows, useSeen } from './stream.mjs';
import { clock, go, hour, ms, now, span, stretch, ticks, to } from './times.mjs';

export const ROW = 22; // pixels

/** @typedef {[begin: number, end: number | null, state: string, count: number, run: string, reason: string]} Mark */
/** @typedef {{from: number, to: number, width: number}} Axis */

/** @param {Axis} axis @param {number} at */
export const place = ({ from, to, width }, at) => Math.round(((at - from) / (to - from)) * width * 10) / 10;

const ENDS = 5; // pixels that the ends of a stretch of skipped slots take

/** @param {Axis} axis @param {Mark} mark */
function drawn(axis, [begin, end, state]) {
  const x = place(axis, Math.max(begin, axis.from));
  const last = place(axis, Math.min(end ?? now(), axis.to));
  const wide = Math.max(2.5, last - x);
  switch (state) {
    case 'failed':
      return `M${x - 4.5} 3h9L${x + 1} 10v9h-2v-9z${wide > 6 ? `M${x + 1} 15h${wide - 1}v3h-${wide - 1}z` : ''}`;
    case 'timed_out':
      return `M${x - 4} 4h8l-4 6.5zM${x} 10.5v8.5`;
    case 'interrupted':
      return `M${x - 3.5} 4.5l7 7M${x + 3.5} 4.5l-7 7M${x} 11v8`;
    case 'skipped':
      return wide > 10
        ? `M${x} 11l${ENDS}-4.5H${last - ENDS}l${ENDS} 4.5-${ENDS} 4.5H${x + ENDS}z`
        : `M${x} 6.3l4.7 4.7-4.7 4.7-4.7-4.7z`;
    case 'cancelled':
      return `M${x} 11h${Math.max(6, wide)}`;
    default:
      return `M${x} 8h${wide}v6h-${wide}z`;
  }
}

/** Runs lie below, what went wrong above them. */
const ORDER = ['succeeded', 'cancelled', 'waiting', 'running', 'skipped', 'interrupted', 'timed_out', 'failed'];

/** @param {{row: any, axis: Axis, picked?: Mark | null}} props */
export function Marks({ row, axis, picked }) {
  const paths = useMemo(() => {
    /** @type {Record<string, string>} */
    const found = {};
    for (const mark of row.marks) found[mark[2]] = (found[mark[2]] ?? '') + drawn(axis, mark);
    return ORDER.filter((state) => found[state]).map((state) => html`<path key=${state} class=${`mark ${state}`} d=${found[state]} />`);
  }, [row, axis]);
  const ahead = useMemo(() => {
    const ticks = row.slots.map((/** @type {number} */ at) => `M${place(axis, at)} 7.5v7`).join('');
    const next = place(axis, Math.max(ms(row.next_at), axis.from));
    const lines = row.dense && next < axis.width ? `M${next} 11H${axis.width}` : '';
    return html`${ticks && html`<path class="mark slots" d=${ticks} />`}${lines && html`<path class="mark dense" d=${lines} />`}`;
  }, [row, axis]);
  return html`<svg class="marks" width=${axis.width} height=${ROW} aria-hidden="true">${paths}${ahead}${
    picked && html`<path class="mark ring" d=${`M${place(axis, Math.max(picked[0], axis.from)) - 8} 1h16v20h-16z`} />`}</svg>`;
}

/** What a mark says, as it is shown and said aloud. @param {Mark} mark */
export function told([begin, end, state, many, , reason]) {
  const over = end ?? now();
  const when = many > 1 && over - begin > 60_000 ? stretch(begin, over) : clock(begin);
  if (state === 'skipped') return `${when}, ${many === 1 ? 'did not run' : `${many} slots did not run`}${reason && `: ${reason}`}`;
  if (many > 1) return `${when}, ${many} runs ${word(state)}${reason && `: ${reason}`}`;
  const took = end === null || end - begin < 1 ? '' : ` in ${span((end - begin) / 1000)}`;
  return `${when} ${word(state)}${WRONG.includes(state) ? (reason && `: ${reason}`) : took}`;
}

/** The mark, or the slot, that is nearest to a place; none within a few pixels. @param {any} row @param {Axis} axis @param {number} x */
export function nearest(row, axis, x) {
  const away = (/** @type {Mark} */ mark) => {
    const [begin, last] = [place(axis, mark[0]), place(axis, mark[1] ?? now())];
    const outside = x < begin ? begin - x : x > last ? x - last : 0;
    // What went wrong is drawn above the rest, and is to be pointed at first.
    return outside - (ORDER.indexOf(mark[2]) >= 4 && outside < 7 ? 8 : 0);
  };
  let best = null;
  for (const mark of row.marks) if (away(mark) < 7 && (!best || away(mark) <= away(best))) best = mark;
  return best;
}

/** A row as one sentence. @param {any} row */
export function sentence(row) {
  const last = row.marks[row.marks.length - 1];
  const wrong = WRONG.reduce((sum, state) => sum + (row.counts[state] ?? 0), 0);
  return [
    row.name,
    row.state,
    wrong && `${wrong} failed`,
    row.counts.skipped && `${row.counts.skipped} did not run`,
    last && `last ${told(last)}`,
    row.next_at && !row.disabled && `next ${clock(row.next_at)}`,
  ].filter(Boolean).join(', ');
}

const HIGH = 52, TOP = 12;

/** @param {any} part how many jobs it had */
const all = ({ jobs }) => Object.values(jobs).reduce((sum, n) => sum + Number(n), 0);

/** @param {{summary: any, axis: import('./timeline.mjs').Axis}} props */
export function Strip({ summary, axis }) {
  const marks = useMemo(() => ticks(axis.from, axis.to, axis.width / 62), [axis]);
  const step = summary.step * 1000;
  const most = Math.max(1, ...summary.parts.map((/** @type {any} */ part) => Math.max(all(part), part.ahead)));
  const high = (/** @type {number} */ n) => Math.round(((HIGH - TOP) * Math.sqrt(n / most)) * 10) / 10;
  let bars = '', wrong = '', ahead = '';
  const wide = place(axis, axis.from + step) - 1.5;
  for (const part of summary.parts) {
    const at = ms(part.at), x = place(axis, at);
    const ran = all(part);
    if (ran) bars += `M${x} ${HIGH}v-${high(ran)}h${wide}v${high(ran)}z`;
    if (WRONG.some((state) => part.jobs[state])) wrong += `M${x + wide / 2 - 4} ${HIGH - high(ran) - 8}h8l-4 6z`;
    if (at + step > now()) ahead += `${ahead ? 'L' : 'M'}${Math.max(x, place(axis, now()))} ${HIGH - high(part.ahead)}H${Math.min(x + wide + 1.5, axis.width)}`;
  }
  const peak = summary.parts.reduce((/** @type {any} */ best, /** @type {any} */ part) => (part.ahead > (best?.ahead ?? 0) ? part : best), null);
  const label = `Jobs in each ${span(summary.step)}${peak ? `; the most to come are ${peak.ahead} at ${clock(peak.at)}` : ''}`;
  return html`<div class="strip"><span class="row-label soft">jobs per ${summary.step === 1800 ? '½ h' : span(summary.step)}</span>
    <svg width=${axis.width} height=${HIGH + 20} role="img" aria-label=${label}>
      <path class="mark past" d=${bars} /><path class="mark failed" d=${wrong} /><path class="mark sky" d=${ahead} />
      <path class="rule" d=${`M0 ${HIGH + .5}H${axis.width}`} />
      ${marks.map(({ at, text, day }) => html`<text key=${at} class=${day ? 'day' : ''} x=${place(axis, at)} y=${HIGH + 14}>${text}</text>`)}
    </svg></div>`;
}

/** Lines behind the rows: hours, and when the server was down. @param {{axis: import('./timeline.mjs').Axis, outages: [string, string][]}} props */
export function Ground({ axis, outages }) {
  const lines = useMemo(() => ticks(axis.from, axis.to, axis.width / 62), [axis]);
  return html`<div class="ground" aria-hidden="true">
    ${lines.map(({ at, day }) => html`<i key=${at} class=${day ? 'day' : ''} style=${{ left: `${place(axis, at)}px` }} />`)}
    ${outages.map(([from, until]) => {
      const left = Math.max(0, place(axis, ms(from)));
      return html`<b key=${from} style=${{ left: `${left}px`, width: `${Math.max(2, Math.min(axis.width, place(axis, ms(until))) - left)}px` }} />`;
    })}
  </div>`;
}

/** @param {{axis: import('./timeline.mjs').Axis}} props */
export function NowLine({ axis }) {
  const at = now();
  if (at < axis.from || at > axis.to) return null;
  return html`<div class="now" aria-hidden="true" style=${{ left: `${place(axis, at)}px` }}><span>now ${hour(at)}</span></div>`;
}

const EVERY = 4000;

/**
 * @param {{axis: import('./timeline.mjs').Axis, summary: any, q: string, tag: string, job: string, pick: (row: any, run?: string) => void,
 *   first: (row: any) => void}} props `first`: is told the first row
 */
export function Timeline({ axis, summary, q, tag, job, pick, first }) {
  const held = useRef(false);
  const where = useSeen(ROW), { box, seen, show } = where;
  const query = { from: new Date(axis.from).toISOString(), to: new Date(axis.to).toISOString(), width: Math.max(100, Math.round(axis.width)), q, tag };
  const { rows, total, moved, error, again, fresh } = useRows('timeline/', query, where, { every: EVERY, still: () => held.current });
  const [mark, setMark] = useState(/** @type {any} */ (null));
  const [hint, setHint] = useState(/** @type {any} */ (null));
  useEffect(() => void (rows.get(0) && first(rows.get(0))), [rows]);
  const at = [...rows.entries()].find(([, row]) => row.id === job)?.[0] ?? -1;
  const leave = () => {
    held.current = false;
    if (moved) void again();
  };
  const choose = (/** @type {number} */ n) => {
    const row = rows.get(n);
    if (!row) return;
    show(n);
    setMark(null);
    pick(row);
  };
  const along = (/** @type {number} */ by) => {
    const row = rows.get(at);
    if (!row?.marks.length) return;
    // A success is no news: where there are other marks, the keys go to these.
    const news = row.marks.filter((/** @type {any} */ one) => one[2] !== 'succeeded');
    const stops = news.length ? news : row.marks;
    const n = stops.findIndex((/** @type {any} */ one) => one[4] === mark?.[4] && one[0] === mark?.[0]);
    const next = stops[n < 0 ? (by < 0 ? stops.length - 1 : 0) : Math.min(stops.length - 1, Math.max(0, n + by))];
    setMark(next);
    said.set(told(next));
    pick(row, next[4]);
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const name = event.key;
    const letter = isLetter(event);
    if (name === 'ArrowDown' || (letter && name === 'j')) choose(at + 1);
    else if (name === 'ArrowUp' || (letter && name === 'k')) choose(Math.max(0, at - 1));
    else if (name === 'ArrowRight') along(1);
    else if (name === 'ArrowLeft') along(-1);
    else if (name === 'Enter' && job) go(to(`job/${job}`));
    else if (name === 'Escape') setMark(null);
    else return;
    event.preventDefault();
  };
  /** @param {any} event @param {any} row */
  const pointed = (event, row) => {
    const area = event.currentTarget.querySelector('svg.marks').getBoundingClientRect();
    const x = event.clientX - area.left;
    return { x, found: x < 0 ? null : nearest(row, axis, x) };
  };
  const drawn = [...rows.entries()].filter(([n]) => n >= seen.first && n < seen.last);
  return html`<div class="timeline">
    <${Strip} summary=${summary} axis=${axis} />
    <div class="over"><${NowLine} axis=${axis} /></div>
    <div class="rows" ref=${box} tabindex="0" role="listbox" aria-label="Jobs on the axis of time" aria-activedescendant=${at >= 0 ? `row-${at}` : undefined} aria-busy=${!fresh}
      onKeyDown=${key} onFocus=${() => (held.current = true)} onBlur=${leave} onPointerEnter=${() => (held.current = true)}
      onPointerLeave=${() => (setHint(null), document.activeElement !== box.current && leave())}>
      <div class="all-rows" role="presentation" style=${{ height: `${total * ROW}px` }}>
        <${Ground} axis=${axis} outages=${summary.outages} />
        ${drawn.map(([n, row]) => html`<div key=${row.id} id=${`row-${n}`} class=${`row ${row.disabled ? 'off' : ''}`} role="option" aria-selected=${row.id === job}
          aria-setsize=${total} aria-posinset=${n + 1} aria-label=${sentence(row)} style=${{ top: `${n * ROW}px` }}
          onClick=${(/** @type {any} */ event) => {
            const { found } = pointed(event, row);
            setMark(found);
            if (found) said.set(told(found));
            pick(row, found?.[4]);
          }}
          onPointerMove=${(/** @type {any} */ event) => {
            const { x, found } = pointed(event, row);
            setHint(found && { n, x, text: told(found) });
          }}>
          <span class="row-label"><span class="name">${row.name}</span>${['failing', 'running', 'stuck'].includes(row.stuck ? 'stuck' : row.state) ? html`<${Shape} state=${row.stuck ? 'stuck' : row.state} />` : html`<i class="shape" />`}</span>
          <${Marks} row=${row} axis=${axis} picked=${row.id === job ? mark : null} /></div>`)}
        ${hint && html`<div class=${`hint ${hint.x > axis.width * .6 ? 'left' : ''}`} aria-hidden="true" style=${{ top: `${hint.n * ROW + (hint.n > 1 ? -26 : 24)}px`, left: `${hint.x}px` }}>${hint.text}</div>`}
      </div>
    </div>
    <${Wrong} error=${error} />
    <p class="under soft" role="status">${moved > 0 ? `${count(moved, 'row')} would stand elsewhere: they move when you leave the list` : fresh && total === 0 && rows.size === 0 && q ? 'No job has this in its name, command, owner or id.' : ''}</p>
  </div>`;
}

/** What the marks mean. */
export function Legend() {
  const marks = /** @type {Record<string, string>} */ ({ succeeded: 'ran', failed: 'failed', skipped: 'did not run', running: 'running' });
  const axis = { from: 12, to: 28, width: 16 };
  return html`<ul class="legend" aria-label="Marks">
    ${Object.entries(marks).map(([state, name]) => html`<li><svg class="marks" width="20" height=${ROW} aria-hidden="true"><path
      class=${`mark ${state}`} d=${drawn(axis, [16, state === 'skipped' || state === 'failed' ? 16 : 32, state, 1, '', ''])} /></svg>${name}</li>`)}
    <li><svg class="marks" width="9" height=${ROW} aria-hidden="true"><path class="mark slots" d="M4 7.5v7" /></svg>to come</li>
  </ul>`;
}

/** The time that is looked at: so many hours back and as many ahead. @param {number} hours @param {string | undefined} from @param {number} width */
export function axisOf(hours, from, width) {
  const length = hours * 3_600_000;
  const begin = from ? Date.parse(from) : NaN;
  // Moved on by the minute, so that what is asked for stays the same while it is looked at.
  const start = Number.isNaN(begin) ? Math.floor(now() / 60_000) * 60_000 - length : begin;
  return { from: start, to: start + 2 * length, width };
}
