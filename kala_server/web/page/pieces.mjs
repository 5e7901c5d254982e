// @ts-check
/** Small parts that every screen is made of: shapes, links, times, questions, keys, errors. They ask for nothing themselves. */

import { html, useEffect, useRef, useState } from './vendor/preact-htm.mjs';
import { connection } from './stream.mjs';
import { act, said, session } from './server.mjs';
import { clock, exactly, go, hour, ms, now, span, to } from './times.mjs';

/** What each state is drawn as, in a square of ten. */
const PATHS = /** @type {Record<string, string>} */ ({
  dot: 'M5 1.8a3.2 3.2 0 1 0 .01 0z',
  ring: 'M5 2a3 3 0 1 0 .01 0z',
  down: 'M.5 1h9L5 9.5z',
  hollow: 'M1.5 2h7L5 8.5z',
  cross: 'M2 2l6 6M8 2l-6 6',
  diamond: 'M5 .7L9.3 5 5 9.3.7 5z',
  play: 'M1.5.8v8.4L9 5z',
  wait: 'M2 1.5v7L8.3 5z',
  dash: 'M1 5h8',
  tick: 'M5 1.5v7',
});

/** @type {Record<string, [path: string, colour: string, word: string]>} */
export const STATES = {
  succeeded: ['dot', 'ok', 'succeeded'],
  failed: ['down', 'bad', 'failed'],
  timed_out: ['hollow', 'bad thin', 'timed out'],
  interrupted: ['cross', 'bad thin', 'interrupted'],
  cancelled: ['dash', 'ok thin', 'cancelled'],
  skipped: ['diamond', 'skip thin', 'did not run'],
  running: ['play', 'accent', 'running'],
  waiting: ['wait', 'accent thin', 'waiting'],
  upcoming: ['tick', 'soft thin', 'to come'],
  failing: ['down', 'bad', 'failing'],
  active: ['dot', 'ok', 'active'],
  disabled: ['ring', 'soft thin', 'disabled'],
  done: ['dash', 'soft thin', 'done'],
  stuck: ['cross', 'bad thin', 'stuck'],
  unknown: ['dash', 'soft thin', 'not known'],
  none: ['dash', 'soft thin', 'not due'],
};

/** @param {string} state */
export const word = (state) => STATES[state]?.[2] ?? state;

/** States of runs that went wrong. */
export const WRONG = ['failed', 'timed_out', 'interrupted'];

/** A shape without a word, where one stands beside it. @param {{state: string}} props */
export function Shape({ state }) {
  const [path, colour] = STATES[state] ?? STATES.unknown;
  return html`<svg class=${`shape ${colour}`} viewBox="0 0 10 10" aria-hidden="true"><path d=${PATHS[path]} /></svg>`;
}

/** @param {string} schedule the repeats and the period, where it has them: `every PT30M`, `5 times PT1H` */
export function brief(schedule) {
  const [, repeats, start, period] = /^R(\d*)\/([^/]*)\/?(.*)$/.exec(schedule) ?? [];
  if (start === undefined) return schedule;
  if (!period) return `once ${start}`;
  return repeats ? `${repeats} + 1 times ${period}` : `every ${period}`;
}

/** @param {{job: {schedule: string, timezone: string, parents?: number}}} props */
export function Schedule({ job }) {
  if (!job.schedule) return html`<span class="soft">${job.parents ? 'after its parents' : 'by hand'}</span>`;
  return html`<code title=${job.schedule}>${brief(job.schedule)}</code>${job.timezone && html` <span class="soft">${job.timezone}</span>`}`;
}

/** Whether something may be done at all. */
export function useMayAct() {
  return session.use()?.scope === 'full' && connection.use() !== 'lost';
}

/** An instant, with its seconds for who points at it. @param {{at: any, zone?: string}} props */
export function At({ at, zone }) {
  const text = clock(at, zone);
  return Number.isNaN(ms(at)) ? text : html`<time datetime=${new Date(ms(at)).toISOString()} title=${exactly(at)}>${text}</time>`;
}

/** How long until then, kept true; quiet once it is there. @param {{at: any}} props */
export function In({ at }) {
  const [, redraw] = useState(0);
  const left = (ms(at) - now()) / 1000;
  useEffect(() => {
    const timer = setTimeout(() => redraw((n) => n + 1), left > 120 ? 20_000 : 1000);
    return () => clearTimeout(timer);
  });
  if (Number.isNaN(left)) return '';
  return left <= 0 ? 'now' : `in ${span(left < 10 ? Math.ceil(left) : left)}`;
}

/** @param {{id: string, children?: any, query?: Record<string, unknown>}} props */
export const JobLink = ({ id, children, query }) => html`<a href=${to(`job/${id}`, query)}>${children}</a>`;

/** Things one after the other, with commas and an `and`. @param {any[]} things */
export const listed = (things) => things.map((thing, n) => [n === 0 ? '' : n === things.length - 1 ? ' and ' : ', ', thing]);

/**
 * A field to search in, which says what is in it after a pause.
 * @param {{label: string, text: string, found: (text: string) => void} & Record<string, any>} props
 */
export function Search({ label, text: there, found, ...more }) {
  const [text, setText] = useState(there);
  useEffect(() => setText(there), [there]);
  useEffect(() => {
    const timer = setTimeout(() => text === there || found(text), A_PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<input type="search" aria-label=${label} placeholder=${label} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} ...${more} />`;
}

const A_PAUSE = 150; // milliseconds after the last letter
const COUNT = new Intl.NumberFormat('en');
/** @param {number} n @param {string} [one] @param {string} [many] */
export const count = (n, one, many = `${one}s`) => `${COUNT.format(n)}${one ? ` ${n === 1 ? one : many}` : ''}`;

/** What went wrong, in the server's words. @param {{error: any}} props */
export function Wrong({ error }) {
  if (!error) return null;
  return html`<p class="wrong" role="alert">${error.message}</p>`;
}

/** Text of a user's, in which links are links. @param {{text: string}} props */
export function Linked({ text }) {
  const parts = text.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)])/);
  return parts.map((part, n) => (n % 2 ? html`<a href=${part} rel="noreferrer noopener" target="_blank">${part}</a>` : part));
}

/**
 * A button that asks before it does: the second one says what it does, and the first that has the focus does nothing.
 * @param {{label: string, yes: string, no: string, does: () => Promise<unknown>, done?: string, off?: boolean,
 *   typed?: string, bad?: boolean}} props `typed`: what is to be typed before
 */
export function Ask({ label, yes, no, does, done = '', off = false, typed = '', bad = false }) {
  const [asked, ask] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {any} */ (null));
  const [text, setText] = useState('');
  const first = useRef(/** @type {any} */ (null));
  const button = useRef(/** @type {any} */ (null));
  const wasAsked = useRef(false);
  useEffect(() => {
    if (asked) first.current?.focus();
    else if (wasAsked.current) button.current?.focus();
    wasAsked.current = asked;
  }, [asked]);
  const carryOut = async () => {
    setBusy(true);
    setError(null);
    try {
      await does();
      said.set(done);
      ask(false);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  if (!asked) return html`<button ref=${button} disabled=${off} onClick=${() => ask(true)}>${label}</button>`;
  return html`<span class="ask" role="group" aria-label=${label} onKeyDown=${(/** @type {any} */ event) => event.key === 'Escape' && ask(false)}>
    ${typed && html`<label>Type <b class="name">${typed}</b> <input ref=${first} value=${text} autocomplete="off"
      onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>`}
    <button ref=${typed ? null : first} disabled=${busy} onClick=${() => ask(false)}>${no}</button>
    <button class=${bad ? 'bad-button' : 'main-button'} disabled=${busy || off || (typed && text.trim() !== typed.trim())} onClick=${carryOut}>${yes}</button>
    <${Wrong} error=${error} />
  </span>`;
}

/** What can be done with a job. @param {{job: {id: string, name: string, disabled: boolean}, running?: string | null, after?: () => void}} props */
export function JobActions({ job, running, after = () => {} }) {
  const may = useMayAct();
  const scope = session.use()?.scope;
  if (scope !== 'full') return null;
  const name = `“${job.name}”`;
  const verb = job.disabled ? 'enable' : 'disable';
  const doing = (/** @type {string} */ method, /** @type {string} */ path) => async () => {
    await act(method, path);
    after();
  };
  return html`<div class="actions">
    ${!job.disabled && html`<${Ask} key=${`run ${job.id}`} label="Run now" yes=${`Yes, run ${name} now`} no="Do not run" off=${!may}
      does=${doing('POST', `job/start/${job.id}/`)} done=${`${name} was started`} />`}
    ${running && html`<${Ask} key=${`end ${running}`} label="End run" yes=${`Yes, end this run of ${name}`} no="Let it run" off=${!may} bad
      does=${doing('POST', `run/${running}/cancel/`)} done=${`The run of ${name} is being ended`} />`}
    <${Ask} key=${`${verb} ${job.id}`} label=${job.disabled ? 'Enable' : 'Disable'} yes=${`Yes, ${verb} ${name}`} no=${`Leave it ${job.disabled ? 'disabled' : 'enabled'}`} off=${!may}
      does=${doing('POST', `job/${verb}/${job.id}/`)} done=${`${name} is ${verb}d`} />
    <a class="button" href=${to(`job/${job.id}/edit`)}>Edit</a>
  </div>`;
}

const TOLD = [
  ['g n', 'Now'], ['g j', 'Jobs'], ['/', 'search'], ['↑ ↓ or j k', 'from row to row'],
  ['← →', 'from mark to mark in a row'], ['Enter', 'open'], ['Esc', 'clear, or leave'], ['?', 'these keys'],
];

/** @type {ReturnType<typeof import('./server.mjs').kept>} */
let choice;
let pressed = '';

/** Whether a key is being typed into something. @param {EventTarget | null} target */
export const typing = (target) => target instanceof HTMLElement && target.matches('input:not([type=checkbox]), select, textarea');

/** @param {KeyboardEvent} event whether a single letter may mean something */
export const isLetter = (event) => choice.get() === 'on' && !typing(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey;

/** Take keys from here on. @param {typeof choice} kept where it is kept whether single letters are keys */
export function keysAreOn(kept) {
  choice = kept;
  addEventListener('keydown', (event) => {
    if (!isLetter(event)) return;
    const keys = pressed + event.key;
    pressed = event.key === 'g' ? 'g' : '';
    if (keys === 'gn') go(to(''));
    else if (keys === 'gj') go(to('jobs'));
    else if (event.key === '?') dispatchEvent(new Event('kala-keys'));
    else if (event.key === '/') {
      /** @type {HTMLElement | null} */ (document.querySelector('input[type=search]'))?.focus();
      event.preventDefault();
    }
  });
}

/** @param {{close: () => void}} props */
export function Keys({ close }) {
  const dialog = useRef(/** @type {any} */ (null));
  const on = choice.use();
  useEffect(() => dialog.current?.showModal(), []);
  return html`<dialog ref=${dialog} aria-labelledby="keys" onClose=${close}>
    <h2 id="keys">Keys</h2>
    <dl>${TOLD.map(([key, does]) => html`<dt><kbd>${key}</kbd></dt><dd>${does}</dd>`)}</dl>
    <label class="check"><input type="checkbox" checked=${on === 'on'} onChange=${(/** @type {any} */ event) => choice.set(event.target.checked ? 'on' : 'off')} /> Single letters are keys</label>
    <p class="soft">No key runs, ends or changes a job.</p>
    <form method="dialog"><button onClick=${(/** @type {Event} */ event) => (event.preventDefault(), dialog.current.close())}>Close</button></form>
  </dialog>`;
}

/** When an entry was due; of slots in a row, from when to when. @param {any} run */
function Due({ run }) {
  const last = run.last_scheduled_at;
  return html`<b><${At} at=${run.scheduled_at} />${run.count > 1 && last && html`–${hour(ms(last))}`}</b>`;
}

/** @param {any} run an entry in words, where the server said none */
const words = (run) => run.sentence ?? [word(run.state), run.reason].filter(Boolean).join(': ');

/**
 * @param {{runs: any[], picked?: string, pick?: (run: any) => void, named?: boolean, label?: string}} props
 *   `named`: with the job's name
 */
export function Ledger({ runs, picked, pick, named = false, label = 'Runs, the latest first' }) {
  return html`<ul class="ledger" aria-label=${label}>
    ${runs.map((run) => html`<li key=${run.id} aria-current=${run.id === picked ? 'true' : undefined}>
      <a href=${to(`run/${run.id}`)} onClick=${pick && ((/** @type {MouseEvent} */ event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        pick(run);
      })}><${Shape} state=${run.state} /><span><${Due} run=${run} /> ${named && html`<span class="name">${run.job_name}</span> `}<span class="sentence">${words(run)}</span></span></a></li>`)}
  </ul>`;
}
