// @ts-check
/** A job as it is and as it would be: what follows from a change is shown before it is saved. */

import { html, useEffect, useRef, useState } from './vendor/preact-htm.mjs';
import { count, useMayAct, Wrong } from './pieces.mjs';
import { act, ask, Problem, said as aloud, session } from './server.mjs';
import { place } from './timeline.mjs';
import { clock, go, ms, now, to, zone } from './times.mjs';

/**
 * @typedef {{name: string, label: string, hint?: string, kind?: 'text' | 'area' | 'number' | 'choice' | 'flag' | 'list' | 'variables',
 *   choices?: string[], group: string, call?: boolean, when?: (said: Record<string, string>) => boolean}} Field
 */

const isCall = (/** @type {Record<string, string>} */ said) => said.type === 'an HTTP call';
const isCommand = (/** @type {Record<string, string>} */ said) => !isCall(said);

/** @type {Field[]} */
export const FIELDS = [
  { name: 'name', label: 'Name', group: 'What' },
  { name: 'type', label: 'It is', kind: 'choice', choices: ['a command', 'an HTTP call'], group: 'What' },
  { name: 'command', label: 'Command', kind: 'area', hint: 'split into words as a shell would; no shell is run unless you say so', group: 'What', when: isCommand },
  { name: 'shell', label: 'Run it by /bin/sh, so that | and > work', kind: 'flag', group: 'What', when: isCommand },
  { name: 'url', label: 'URL', group: 'What', call: true, when: isCall },
  { name: 'method', label: 'Method', hint: 'such as GET or POST', group: 'What', call: true, when: isCall },
  { name: 'body', label: 'Body', kind: 'area', group: 'What', call: true, when: isCall },
  { name: 'schedule', label: 'Schedule', hint: 'five fields of cron, R/START/PERIOD, or never', group: 'When' },
  { name: 'timezone', label: 'Time zone of the schedule', hint: 'UTC where empty', group: 'When' },
  { name: 'parent_jobs', label: 'Runs after', kind: 'list', hint: 'ids of jobs, apart by commas', group: 'When' },
  { name: 'overlap', label: 'While an earlier run is there', kind: 'choice', choices: ['queue', 'skip', 'allow', 'replace'], group: 'When' },
  { name: 'retries', label: 'Retries', kind: 'number', group: 'If it fails' },
  { name: 'retry_delay', label: 'Pause before a retry', hint: 'such as PT1M; it grows with each where empty', group: 'If it fails' },
  { name: 'timeout', label: 'Timeout of an attempt', hint: 'such as PT30M; none where empty', group: 'If it fails' },
  { name: 'on_failure_job', label: 'Job to start when it fails', hint: 'its id; none where empty', group: 'If it fails' },
  { name: 'cwd', label: 'Folder to run in', hint: 'the server’s own where empty', group: 'More', when: isCommand },
  { name: 'env', label: 'Variables', kind: 'variables', hint: 'NAME=value, one a line', group: 'More', when: isCommand },
  { name: 'owner', label: 'Owner', group: 'More' },
  { name: 'tags', label: 'Tags', kind: 'list', hint: 'apart by commas', group: 'More' },
  { name: 'description', label: 'Description', kind: 'area', group: 'More' },
];

/** What stands in a field. @param {Field} field @param {any} job */
export function shown(field, job) {
  const value = field.call ? job.remote_properties?.[field.name] : job[field.name];
  if (field.name === 'type') return value === 1 ? 'an HTTP call' : 'a command';
  if (field.kind === 'list') return (value ?? []).join(', ');
  if (field.kind === 'variables') return Object.entries(value ?? {}).map(([name, one]) => `${name}=${one}`).join('\n');
  if (field.kind === 'flag') return value ? 'yes' : '';
  return value === null || value === undefined ? '' : String(value);
}

/** @param {Field} field @param {string} text @param {any} job as it was: a patch removes variables by name */
function sent(field, text, job) {
  if (field.name === 'type') return text === 'an HTTP call' ? 1 : 0;
  if (field.kind === 'list') return text.split(',').map((one) => one.trim()).filter(Boolean);
  if (field.kind === 'flag') return text === 'yes';
  if (field.kind === 'number') return text.trim() === '' ? null : Number.isNaN(Number(text)) ? text : Number(text);
  if (field.kind !== 'variables') return text;
  const found = Object.fromEntries(text.split('\n').filter((line) => line.trim()).map((line) => {
    const at = line.indexOf('=');
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  }));
  return { ...Object.fromEntries(Object.keys(job?.env ?? {}).map((name) => [name, null])), ...found };
}

/** Only what is another one. @param {Record<string, string>} said @param {Record<string, string>} was @param {any} job */
export function changes(said, was, job) {
  /** @type {Record<string, any>} */
  const patch = {};
  for (const field of FIELDS) {
    if (said[field.name] === was[field.name]) continue;
    const value = sent(field, said[field.name], job);
    if (field.call) (patch.remote_properties ??= {})[field.name] = value;
    else patch[field.name] = value;
  }
  return patch;
}

/** @param {any} job @returns {Record<string, string>} */
export const texts = (job) => Object.fromEntries(FIELDS.map((field) => [field.name, shown(field, job)]));

const A_PAUSE = 300, SLOTS = 8, LINE = 600;
const NEW = { name: '', command: '', schedule: '0 9 * * MON-FRI', timezone: '', overlap: 'queue', retries: 0, type: 0 };

/** @param {string | undefined} id @returns {[any, string | null, any]} the job, its tag, and what went wrong */
function useJob(id) {
  const [held, hold] = useState(/** @type {any} */ ([id ? null : { ...NEW, timezone: zone.value }, null, null]));
  useEffect(() => {
    if (!id) return;
    ask(`job/${id}/`).then(async (answer) => hold([(await answer.json()).job, answer.headers.get('ETag'), null]), (error) => hold([null, null, error]));
  }, [id]);
  return held;
}

/** @param {{id?: string}} props without an id, a new job */
export function Edit({ id }) {
  const [job, tag, error] = useJob(id);
  const may = session.use()?.scope === 'full';
  useEffect(() => void (document.title = `${id ? `Edit ${job?.name ?? ''}` : 'New job'} · kala`), [job?.name]);
  if (error || !job) return html`<main tabindex="-1" id="content"><${Wrong} error=${error} /></main>`;
  if (!may) return html`<main tabindex="-1" id="content"><h1>This token only allows to look</h1></main>`;
  return html`<${Form} id=${id} job=${job} tag=${tag} />`;
}

/** @param {{id?: string, job: any, tag: string | null}} props */
function Form({ id, job, tag }) {
  const can = useMayAct();
  const [was] = useState(() => (id ? texts(job) : texts({})));
  const [said, setSaid] = useState(() => texts(job));
  const [then, setThen] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const touched = useRef(false);
  const patch = changes(said, was, id ? job : null);
  const key = JSON.stringify(patch);
  const changed = Object.keys(patch).length;
  const send = (/** @type {Record<string, unknown>} */ query) => act(id ? 'PATCH' : 'POST', id ? `job/${id}/` : 'job/', patch, { query, tag });
  useEffect(() => {
    const timer = setTimeout(async () => {
      if (!id && !touched.current) return;
      try {
        setThen((await send({ dry_run: true, count: SLOTS })).said);
        setError(null);
      } catch (problem) {
        setError(problem);
      }
    }, A_PAUSE);
    return () => clearTimeout(timer);
  }, [key]);
  const change = (/** @type {string} */ name, /** @type {string} */ text) => {
    touched.current = true;
    setSaid((before) => ({ ...before, [name]: text }));
  };
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { said: answer } = await send({});
      aloud.set(id ? 'The job is saved' : 'The job is made');
      go(to(`job/${id ?? answer.id}`));
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  const other = error instanceof Problem && error.status === 412;
  const faults = error instanceof Problem ? error.errors : [];
  const known = faults.filter(({ field }) => FIELDS.some(({ name }) => fits(field, name)));
  const label = id ? `Save ${count(changed, 'change')}` : 'Make this job';
  let group = '';
  return html`<main class="edit" tabindex="-1" id="content">
    <p class="crumbs"><a href=${to('jobs')}>Jobs</a>${id && html` / <a href=${to(`job/${id}`)} class="name">${job.name}</a>`}</p>
    <h1>${id ? html`Edit <span class="name">${job.name}</span>` : 'New job'}</h1>
    <div class="halves"><form onSubmit=${save} noValidate>
      ${FIELDS.filter(({ when }) => !when || when(said)).map((field) => {
        const begins = field.group !== group;
        group = field.group;
        return html`${begins && html`<h2>${group}</h2>`}<${Entry} key=${field.name} field=${field} text=${said[field.name]} was=${id ? was[field.name] : said[field.name]}
          fault=${known.find((one) => fits(one.field, field.name))} change=${change} />`;
      })}
      ${other ? html`<div class="notice" role="alert"><p><b>Somebody else has changed this job meanwhile.</b> Nothing was saved.</p>
          <button type="button" onClick=${() => location.reload()}>Look at it as it is now</button></div>`
        : html`<${Wrong} error=${error && !known.length ? error : null} />`}
      <p class="actions"><button class="main-button" disabled=${busy || !can || !changed || other}>${label}</button>
        <a class="button" href=${id ? to(`job/${id}`) : to('jobs')}>Cancel</a></p>
    </form>
    <section aria-label="When it would run" class="consequences"><h2>When it would run</h2><${Consequences} then=${then} fresh=${!id} stale=${Boolean(error)} /></section></div>
  </main>`;
}

/** Whether a fault is this field's. @param {string} told such as `remote_properties.url` @param {string} name */
const fits = (told, name) => told === name || told.endsWith(`.${name}`) || (name !== 'url' && told.startsWith(`${name}.`)) || told.startsWith(`${name}[`);

/** @param {{field: import('./edit.mjs').Field, text: string, was: string, fault: any, change: (name: string, text: string) => void}} props */
function Entry({ field, text, was, fault, change }) {
  const { name, label, kind = 'text', hint } = field;
  const id = `field-${name}`;
  const input = (/** @type {any} */ event) => change(name, kind === 'flag' ? (event.target.checked ? 'yes' : '') : event.target.value);
  const more = { id, 'aria-describedby': `${id}-about`, 'aria-invalid': fault ? 'true' : undefined, onInput: input };
  const example = fault?.example === null || fault?.example === undefined ? '' : typeof fault.example === 'string' ? fault.example : JSON.stringify(fault.example);
  const about = html`<span id=${`${id}-about`} class="about">${fault ? html`<span class="fault">${fault.message}</span>${example && kind !== 'choice' && html` <button type="button" class="use" onClick=${() => change(name, example)}>Use ${example}</button>`}`
    : text !== was ? html`<span class="was">was ${was || 'empty'}</span>` : html`<span class="soft">${hint}</span>`}</span>`;
  if (kind === 'flag') return html`<div class="field"><label class="check"><input type="checkbox" checked=${text === 'yes'} ...${more} /> ${label}</label>${about}</div>`;
  const box = kind === 'choice'
    ? html`<select value=${text} ...${more}>${field.choices?.map((one) => html`<option value=${one} selected=${one === text}>${one}</option>`)}</select>`
    : kind === 'area' || kind === 'variables'
      ? html`<textarea rows=${Math.min(8, Math.max(2, text.split('\n').length))} value=${text} spellcheck="false" ...${more} />`
      : html`<input value=${text} inputmode=${kind === 'number' ? 'numeric' : undefined} autocomplete="off" spellcheck="false" ...${more} />`;
  return html`<div class="field"><label for=${id}>${label}</label>${box}${about}</div>`;
}

/** @param {{then: any, fresh: boolean, stale: boolean}} props */
function Consequences({ then, fresh, stale }) {
  const here = zone.use();
  if (!then) return html`<p class="soft">${fresh ? 'Say what is to run, and it is told here.' : '…'}</p>`;
  const { next, before, words, warnings } = then;
  const old = new Set(before);
  const all = [...next, ...before].map(ms);
  const axis = { from: Math.min(now(), ...all), to: Math.max(now() + 60_000, ...all) + 1, width: LINE - 80 };
  const line = (/** @type {string[]} */ slots) => slots.map((at) => `M${place(axis, ms(at)) + 60} 2v14`).join('');
  const rows = Array.from({ length: Math.max(next.length, before.length) }, (_, n) => [before[n], next[n]]);
  return html`<div class=${stale ? 'stale' : ''}>
    ${words && html`<p class="lead">${words}</p>`}
    ${next.length === 0 && html`<p>Nothing comes by itself: it is started by hand or by its parents, or it is disabled.</p>`}
    ${rows.length > 0 && html`
    <svg class="lines-of-slots" viewBox=${`0 0 ${LINE} ${fresh ? 44 : 76}`} role="img" aria-label=${`${next.length} slots as edited, ${before.length} as it is`}>
      ${!fresh && html`<text x="0" y="13">now</text><path class="rule" d=${`M60 9H${LINE}`} /><path class="mark slots" d=${line(before)} />`}
      <g transform=${fresh ? '' : 'translate(0 32)'}><text x="0" y="13">${fresh ? 'slots' : 'then'}</text><path class="rule" d=${`M60 9H${LINE}`} /><path class="mark then" d=${line(next)} />
        <text x="60" y="34">${clock(axis.from)}</text><text x=${LINE - 20} y="34" text-anchor="end">${clock(Math.max(...all))}</text></g>
    </svg>
    <table class="slots-table"><thead><tr>${!fresh && html`<th scope="col">as it is</th>`}<th scope="col">${fresh ? 'due' : 'as edited'}</th></tr></thead>
      <tbody>${rows.map(([was, will], n) => html`<tr key=${n}>${!fresh && html`<td>${was ? clock(was) : ''}</td>`}<td>${will && (fresh || old.has(will) ? clock(will) : html`<b class="accent">${clock(will)} <span class="new-slot" role="img" aria-label="new">●</span></b>`)}</td></tr>`)}</tbody></table>
    <p class="soft">Times in ${here}.${!fresh && html` <span class="accent">●</span> is a slot that there is not now.`}</p>`}
    ${warnings.map((/** @type {string} */ warning) => html`<p class="skip">${warning}</p>`)}</div>`;
}
