// @ts-check
/**
 * Runs of all jobs, and all jobs as a table, as long as it is: searched, by state, in any order; and the same done to many, of which it is
 * asked first which these are.
 */

import { html, useEffect, useLayoutEffect, useRef, useState } from './vendor/preact-htm.mjs';
import { anything, useAnswer, useRows, useSeen } from './stream.mjs';
import { At, count, In, isLetter, JobLink, Ledger, Schedule, Search, Shape, useMayAct, word, WRONG, Wrong } from './pieces.mjs';
import { act, get, said, session } from './server.mjs';
import { told } from './timeline.mjs';
import { go, route, say, to, zone } from './times.mjs';

/** @typedef {'start' | 'enable' | 'disable' | 'delete'} Action */
/** @type {[Action, string, string, string][]} */
const ACTIONS = [['start', 'Run now', 'run', 'started'], ['enable', 'Enable', 'enable', 'enabled'], ['disable', 'Disable', 'disable', 'disabled'], ['delete', 'Delete …', 'delete', 'deleted']];
const NAMED = 5;

/**
 * @param {{ids: [string, string][] | null, filter: Record<string, string | undefined>, total: number, words: string,
 *   clear: () => void, after: () => void}} props `ids`: jobs with their names; without them all that are found
 */
export function Bulk({ ids, filter, total, words, clear, after }) {
  const may = useMayAct();
  const [asked, setAsked] = useState(/** @type {{action: Action, jobs: {id: string, name: string}[]} | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const which = ids ? { ids: ids.map(([id]) => id) } : { filter: Object.fromEntries(Object.entries(filter).filter(([, value]) => value)) };
  const key = JSON.stringify(which);
  useEffect(() => (setAsked(null), setError(null)), [key]);
  const look = async (/** @type {Action} */ action) => {
    setError(null);
    setText('');
    try {
      const { said: found } = await act('POST', 'job/bulk/', { action, ...which, dry_run: true });
      setAsked({ action, jobs: found.jobs });
    } catch (problem) {
      setError(problem);
    }
  };
  const carryOut = async () => {
    if (!asked) return;
    setBusy(true);
    try {
      await act('POST', 'job/bulk/', { action: asked.action, ...which, expect: asked.jobs.length });
      said.set(`${count(asked.jobs.length, 'job')} ${ACTIONS.find(([action]) => action === asked.action)?.[3]}`);
      clear();
      after();
    } catch (problem) {
      setError(problem);
    }
    setAsked(null);
    setBusy(false);
  };
  const n = ids ? ids.length : total;
  return html`<section class="bulk" aria-label="Selected jobs">
    ${asked ? html`<${Question} ...${asked} text=${text} setText=${setText} busy=${busy || !may} yes=${carryOut} no=${() => setAsked(null)} />`
      : html`<b role="status">${count(n, 'job')} selected${!ids && ` (all${words ? `: ${words}` : ''}${filter.q ? ` with “${filter.q}”` : ''})`}</b>
        ${ACTIONS.map(([action, label]) => html`<button key=${action} disabled=${!may} onClick=${() => look(action)}>${label}</button>`)}
        <button class="plain" onClick=${clear}>Clear</button>`}
    <${Wrong} error=${error} />
  </section>`;
}

/** @param {{action: Action, jobs: {id: string, name: string}[], text: string, setText: (text: string) => void, busy: boolean, yes: () => void, no: () => void}} props */
function Question({ action, jobs, text, setText, busy, yes, no }) {
  const verb = ACTIONS.find(([one]) => one === action)?.[2] ?? action;
  const some = jobs.slice(0, NAMED).map(({ name }) => `“${name}”`).join(', ');
  const rest = jobs.length - NAMED;
  const typed = action === 'delete';
  return html`<div class="ask" role="group" aria-label="Are these meant?">
    <p>${verb[0].toUpperCase() + verb.slice(1)} <b>${count(jobs.length, 'job')}</b>: <span class="name">${some}</span>${rest > 0 && ` and ${count(rest)} more`}${typed && ', with their history'}</p>
    ${typed && html`<label>Type how many these are <input inputmode="numeric" size="8" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>`}
    <button onClick=${no}>Leave them as they are</button>
    <button class=${typed ? 'bad-button' : 'main-button'} disabled=${busy || !jobs.length || (typed && text.replace(/\D/g, '') !== String(jobs.length))} onClick=${yes}>Yes, ${verb} ${count(jobs.length, 'job')}</button>
  </div>`;
}

const ROW = 32;
const STATES = ['failing', 'running', 'active', 'disabled', 'done'];
const EVERY = 3000;
/** @type {[key: string, name: string, sort: string][]} */
const COLUMNS = [['state', 'State', 'state'], ['name', 'Name', 'name'], ['schedule', 'Schedule', ''], ['last', 'Last', 'last'], ['spark', 'Last 16', ''], ['next', 'Next', 'next'], ['owner', 'Owner', '']];

/** The last runs as small bars. @param {{recent: import('./timeline.mjs').Mark[]}} props */
function Spark({ recent }) {
  const took = recent.map(([begin, end]) => Math.max(0, (end ?? begin) - begin));
  const most = Math.max(1, ...took);
  const paths = /** @type {Record<string, string>} */ ({ ok: '', bad: '', skip: '', accent: '' });
  recent.forEach(([, , state], n) => {
    const x = (16 - recent.length + n) * 6, high = 4 + (took[n] / most) * 10;
    if (WRONG.includes(state)) paths.bad += `M${x - 1} 2h6l-2 4v12h-2v-12z`;
    else if (state === 'skipped') paths.skip += `M${x + 2} 9.5l3 3-3 3-3-3z`;
    else if (state === 'running' || state === 'waiting') paths.accent += `M${x} 8h4v10h-4z`;
    else paths.ok += `M${x} ${18 - high}h4v${high}h-4z`;
  });
  const bad = recent.filter(([, , state]) => WRONG.includes(state)).length;
  const label = recent.length ? `The last ${recent.length}: ${bad} failed. ${told(recent[recent.length - 1])}` : 'It has not run yet';
  return html`<svg class="spark" width="96" height="20" viewBox="0 0 96 20" role="img" aria-label=${label}>${Object.entries(paths).map(([kind, d]) => d && html`<path key=${kind} class=${kind} d=${d} />`)}</svg>`;
}

/** @param {{row: any}} props */
function Cells({ row }) {
  const state = row.stuck ? 'stuck' : row.state;
  const last = row.recent[row.recent.length - 1];
  return html`<td class="c-state"><${Shape} state=${state} /> ${word(state)}</td>
    <td class="c-name"><${JobLink} id=${row.id}><span class="name">${row.name}</span></${JobLink}></td>
    <td class="c-schedule"><${Schedule} job=${row} /></td>
    <td class="c-last">${last ? html`<${At} at=${last[1] ?? last[0]} />` : html`<span class="soft">–</span>`}</td>
    <td class="c-spark"><${Spark} recent=${row.recent} /></td>
    <td class="c-next"><${NextOf} row=${row} /></td>
    <td class="c-owner">${row.owner}</td>`;
}

/** A job as others point at it: its next slot. @param {{row: any}} props */
const NextOf = ({ row }) => (row.next_at && !row.disabled ? html`<${At} at=${row.next_at} /> <span class="soft"><${In} at=${row.next_at} /></span>` : html`<span class="soft">–</span>`);

export function Jobs() {
  const { query } = route.use();
  zone.use();
  const full = session.use()?.scope === 'full';
  const held = useRef(false);
  const where = useSeen(ROW), { box, seen, show } = where;
  const sort = query.sort || 'state';
  const filter = { q: query.q, state: query.state, tag: query.tag, owner: query.owner };
  const { rows, total, moved, error, again, fresh } = useRows('job/', { view: 'row', ...filter, sort }, where, { every: EVERY, still: () => held.current });
  const [at, setAt] = useState(-1);
  const [chosen, choose] = useState(/** @type {Map<string, string>} */ (new Map()));
  const [all, setAll] = useState(false);
  const key = JSON.stringify(filter);
  useLayoutEffect(() => void (box.current.scrollTop = 0), [key, sort]);
  useEffect(() => void (document.title = 'Jobs · kala'), []);
  useEffect(() => (choose(new Map()), setAll(false), setAt(-1)), [key]);
  const tick = (/** @type {any} */ row) => {
    const next = new Map(chosen);
    if (!next.delete(row.id)) next.set(row.id, row.name);
    setAll(false);
    choose(next);
  };
  const step = (/** @type {number} */ n) => {
    const next = Math.min(total - 1, Math.max(0, n));
    setAt(next);
    show(next);
  };
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const letter = isLetter(event), name = event.key;
    if (name === 'ArrowDown' || (letter && name === 'j')) step(at + 1);
    else if (name === 'ArrowUp' || (letter && name === 'k')) step(at - 1);
    else if (name === 'Enter' && event.target === box.current && rows.get(at)) go(to(`job/${rows.get(at).id}`));
    else if (name === ' ' && event.target === box.current && full && rows.get(at)) tick(rows.get(at));
    else if (name === 'Escape') (setAt(-1), choose(new Map()), setAll(false));
    else return;
    event.preventDefault();
  };
  const leave = () => {
    held.current = false;
    if (moved) void again();
  };
  const drawn = [...rows.entries()].filter(([n]) => n >= seen.first && n < seen.last && n < total).sort(([a], [b]) => a - b);
  const first = drawn[0]?.[0] ?? 0;
  const words = [query.state, query.tag && `tag ${query.tag}`, query.owner && `owner ${query.owner}`].filter(Boolean).join(', ');
  return html`<main class="jobs" tabindex="-1" id="content">
    <h1 class="unseen">Jobs</h1>
    <div class="tools">
      <${Search} label="Search name, command, owner" text=${query.q ?? ''} found=${(/** @type {string} */ q) => say({ q })}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === 'ArrowDown' && (event.preventDefault(), box.current.focus(), step(0))} />
      <nav class="choices" aria-label="States">${['', ...STATES].map((state) => html`<a key=${state} href=${to('jobs', { ...query, state })} aria-current=${(query.state ?? '') === state ? 'true' : undefined}>${state || 'all'}</a>`)}</nav>
      ${query.tag && html`<button class="plain" onClick=${() => say({ tag: '' })}>tag ${query.tag} ×</button>`}
      ${query.owner && html`<button class="plain" onClick=${() => say({ owner: '' })}>${query.owner} ×</button>`}
      <span class="soft" role="status">${rows.size || fresh ? count(total, 'job') : ''}${moved > 0 ? ` · ${count(moved, 'row')} would stand elsewhere` : ''}</span>
    </div>
    <${Wrong} error=${error} />
    <div class="table-box" ref=${box} tabindex="0" role="region" aria-label="Jobs" onKeyDown=${pressed} aria-busy=${!fresh}
      onPointerEnter=${() => (held.current = true)} onPointerLeave=${leave} onFocusIn=${() => (held.current = true)} onFocusOut=${leave}>
      <table aria-rowcount=${total + 1}>
        <thead><tr>${full && html`<th class="c-tick"><input type="checkbox" aria-label=${`Select all ${count(total)} that are found`} checked=${all} disabled=${!total}
            onChange=${() => (setAll(!all), choose(new Map()))} /></th>`}${COLUMNS.map(([name, title, by]) => html`<th key=${name} class=${`c-${name}`} scope="col"
            aria-sort=${by && by === sort ? 'ascending' : undefined}>${by ? html`<a href=${to('jobs', { ...query, sort: by === 'state' ? '' : by })}>${title}</a>` : title}</th>`)}</tr></thead>
        <tbody>
          ${first > 0 && html`<tr class="gap" aria-hidden="true"><td style=${{ height: `${first * ROW}px` }} /></tr>`}
          ${drawn.map(([n, row]) => html`<tr key=${row.id} aria-rowindex=${n + 2} class=${`${row.disabled ? 'off' : ''} ${n === at ? 'at' : ''}`}
            onClick=${(/** @type {any} */ event) => event.target.closest('a, input') || setAt(n)}>
            ${full && html`<td class="c-tick"><input type="checkbox" aria-label=${`Select ${row.name}`} checked=${all || chosen.has(row.id)} onChange=${() => tick(row)} /></td>`}<${Cells} row=${row} /></tr>`)}
          ${total - first - drawn.length > 0 && html`<tr class="gap" aria-hidden="true"><td style=${{ height: `${(total - first - drawn.length) * ROW}px` }} /></tr>`}
        </tbody>
      </table>
      ${fresh && total === 0 && html`<p class="soft none">${query.q || words ? html`No job is like that. <a href=${to('jobs')}>Show all</a>` : html`There is no job yet. <a href=${to('new')}>Make one</a>`}</p>`}
    </div>
    ${full && (all || chosen.size > 0) && html`<${Bulk} ids=${all ? null : [...chosen]} filter=${filter} total=${total} words=${words}
      clear=${() => (choose(new Map()), setAll(false))} after=${again} />`}
  </main>`;
}

const CHOICES = /** @type {[string, string][]} */ ([[WRONG.join(','), 'failed'], ['skipped', 'did not run'], ['running,waiting', 'running'], ['succeeded', 'succeeded'], ['', 'all']]);

/** All that went so, across jobs. */
export function Runs() {
  const { query } = route.use();
  const here = zone.use();
  const asked = { state: query.state, from: query.from, to: query.to, tag: query.tag, explain: true, zone: here, limit: 100 };
  const first = useAnswer('runs/', asked, { about: anything, every: 5000 });
  const [older, setOlder] = useState(/** @type {any} */ (null));
  const key = JSON.stringify(asked);
  useEffect(() => setOlder(null), [key]);
  useEffect(() => void (document.title = 'Runs · kala'), []);
  const runs = [...(first.data?.runs ?? []), ...(older?.runs ?? [])];
  const next = older ? older.next : first.data?.next;
  const more = async () => {
    const page = await get('runs/', { ...asked, before: next });
    setOlder({ runs: [...(older?.runs ?? []), ...page.runs], next: page.next });
  };
  return html`<main tabindex="-1" id="content">
    <h1>Runs of all jobs${query.from && html` since <${At} at=${query.from} />`}</h1>
    <div class="tools"><nav class="choices" aria-label="How they went">${CHOICES.map(([state, name]) => html`<a
      href=${to('runs', { ...query, state })} aria-current=${(query.state ?? '') === state ? 'true' : undefined}>${name}</a>`)}</nav></div>
    <${Wrong} error=${first.error} />
    <${Ledger} runs=${runs} named />
    ${first.data && runs.length === 0 && html`<p class="soft">None.</p>`}
    ${next && html`<button onClick=${more}>Older entries</button>`}
  </main>`;
}
