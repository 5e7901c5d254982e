// @ts-check
/** One job, one run: how it went, in the server's sentences, how long it took, why it did not, and who follows whom. */

import { html, useEffect, useMemo, useState } from './vendor/preact-htm.mjs';
import { ofJob, useAnswer } from './stream.mjs';
import { Output } from './output.mjs';
import { Ask, At, count, JobActions, JobLink, Ledger, Linked, listed, Schedule, Shape, useMayAct, word, WRONG, Wrong } from './pieces.mjs';
import { act, get } from './server.mjs';
import { clock, exactly, go, instant, isZone, ms, now, route, say, span, to, zone } from './times.mjs';

/** How long runs took, the oldest first, with the median. @param {{runs: any[], picked?: string, pick: (run: any) => void}} props */
export function Bars({ runs, picked, pick }) {
  const timed = useMemo(() => runs.filter((run) => run.duration !== null && run.duration !== undefined).slice(0, 60).reverse(), [runs]);
  const good = timed.filter(({ state }) => state === 'succeeded').map(({ duration }) => duration).sort((a, b) => a - b);
  const median = good[good.length >> 1];
  if (timed.length < 2) return null;
  const most = Math.max(...timed.map(({ duration }) => duration), 1e-3);
  const high = (/** @type {number} */ seconds) => Math.max(2, (seconds / most) * 52);
  const width = timed.length * 11;
  const latest = timed[timed.length - 1];
  const told = `${count(timed.length, 'run')}, the median ${median === undefined ? 'is not known' : span(median)}, the latest ${span(latest.duration)}`;
  return html`<figure class="bars" aria-label="Durations">
    <svg width=${width} height="70" viewBox=${`0 0 ${width} 70`} role="img" aria-label=${`Durations of ${told}`}>
      ${median !== undefined && html`<path class="rule" d=${`M0 ${64 - high(median)}H${width}`} />`}
      ${timed.map((run, n) => html`<g key=${run.id} class=${`bar ${WRONG.includes(run.state) ? 'bad' : run.state === 'cancelled' ? 'soft' : 'ok'}`} onClick=${() => pick(run)}>
        <path class="hit" d=${`M${n * 11} 0h11v70h-11z`} />
        <path d=${`M${n * 11 + 1} 64h8v-${high(run.duration)}h-8z`} />
        ${WRONG.includes(run.state) && html`<path d=${`M${n * 11 + 1} ${54 - high(run.duration)}h8l-4 6z`} />`}
        ${run.id === picked && html`<path class="accent" d=${`M${n * 11 + 1} 66h8v2h-8z`} />`}
      </g>`)}
    </svg>
    <figcaption><span>${clock(timed[0].scheduled_at)} to ${clock(latest.scheduled_at)}</span>
      ${median !== undefined && html`<span>median ${span(median)}${latest.state === 'succeeded' && latest.duration > 1.5 * median ? `, the latest took ${span(latest.duration)}` : ''}</span>`}</figcaption>
  </figure>`;
}

const PAGE = 60;

/** @param {any} job as the API tells it @param {any} latest entry of its ledger */
export function stateOf(job, latest) {
  if (job.stuck) return 'stuck';
  if (latest?.state === 'running') return 'running';
  if (job.disabled) return 'disabled';
  if (ms(job.last_error) > (ms(job.last_success) || 0)) return 'failing';
  return job.is_done ? 'done' : 'active';
}

/** What the job's own clock says then, where that is something else. @param {{job: any, at: string}} props */
function There({ job, at }) {
  const said = isZone(job.timezone) ? clock(at, job.timezone) : '';
  return said && said !== clock(at) ? html` <span class="soft">(${said} there)</span>` : null;
}

/** The next slots of a job. @param {{job: any}} props */
function Next({ job }) {
  const { data } = useAnswer(job.next_run_at && !job.disabled ? 'upcoming/' : null, { job: job.id, limit: 3 }, { about: ofJob(job.id) });
  if (!data?.slots.length) return job.disabled ? ' · disabled' : null;
  return html` · next ${listed(data.slots.map((/** @type {any} */ { at }) => html`<${At} at=${at} /><${There} job=${job} at=${at} />`))}`;
}

/** @param {{id: string}} props */
export function Job({ id }) {
  const { query } = route.use();
  const here = zone.use();
  const about = ofJob(id);
  const asked = useAnswer(`job/${id}/`, {}, { about });
  const ledger = useAnswer(`job/${id}/runs/`, { limit: PAGE, explain: true, zone: here }, { about });
  const [older, setOlder] = useState(/** @type {{runs: any[], next: string | null} | null} */ (null));
  useEffect(() => setOlder(null), [here]);
  const job = asked.data?.job;
  useEffect(() => void (document.title = `${job?.name ?? 'job'} · kala`), [job?.name]);
  if (!job) return html`<main tabindex="-1" id="content"><${Wrong} error=${asked.error} /></main>`;
  const runs = [...(ledger.data?.runs ?? []), ...(older?.runs ?? [])];
  const next = older ? older.next : ledger.data?.next;
  const more = async () => {
    const page = await get(`job/${id}/runs/`, { limit: PAGE, explain: true, zone: here, before: next });
    setOlder({ runs: [...(older?.runs ?? []), ...page.runs], next: page.next });
  };
  const picked = runs.find((run) => run.id === query.run) ?? runs.find((run) => run.attempts) ?? runs[0];
  const pick = (/** @type {any} */ run) => say({ run: run.id });
  const running = runs.find((run) => run.state === 'running' || run.state === 'waiting');
  const again = () => (asked.again(), ledger.again());
  return html`<main tabindex="-1" id="content">
    <p class="crumbs"><a href=${to('jobs')}>Jobs</a></p>
    <h1><${Shape} state=${stateOf(job, runs[0])} /> <span class="name">${job.name}</span></h1>
    <p class="facts"><${Schedule} job=${{ ...job, parents: job.parent_jobs?.length }} /><${Next} job=${job} />
      <span class="soft"> · ${count(job.success_count)} succeeded, ${count(job.error_count, 'failed attempt')}${job.owner && ` · ${job.owner}`}${
        (job.tags ?? []).map((/** @type {string} */ tag) => html` · <a href=${to('jobs', { tag })}>${tag}</a>`)}</span></p>
    ${job.stuck && html`<p class="wrong">Stuck: ${job.stuck}</p>`}
    ${job.description && html`<p class="description"><${Linked} text=${job.description} /></p>`}
    <${JobActions} job=${job} running=${running?.id} after=${again} />
    <${Bars} runs=${runs} picked=${picked?.id} pick=${pick} />
    <div class="halves">
      <section aria-label="Ledger"><${WhyAt} job=${job} />
        <${Ledger} runs=${runs} picked=${picked?.id} pick=${pick} />
        ${runs.length === 0 && ledger.data && html`<p class="soft">It has not run yet.</p>`}
        ${next && html`<button onClick=${more}>Older entries</button>`}
        <${Wrong} error=${ledger.error} /></section>
      <section aria-label="The picked run">
        ${picked && html`<h2 class="picked-run"><${Shape} state=${picked.state} /> <a href=${to(`run/${picked.id}`)}>${clock(picked.scheduled_at)}</a>
          <span class="soft"> ${picked.sentence ?? word(picked.state)}</span></h2>
          <${Output} key=${picked.id} run=${picked} />`}
        <${Family} id=${id} />
        <${Remove} job=${job} />
      </section>
    </div></main>`;
}

/** @param {{job: any}} props */
function Remove({ job }) {
  const may = useMayAct();
  if (document.body.classList.contains('read-only')) return null;
  const remove = async () => {
    await act('DELETE', `job/${job.id}/`);
    go(to('jobs'));
  };
  return html`<p class="remove"><${Ask} label="Delete this job …" yes=${`Delete “${job.name}” and its history`} no="Keep it" typed=${job.name} bad
    does=${remove} off=${!may} done=${`“${job.name}” is deleted`} /></p>`;
}

/** What became of the slots at a time. @param {{job: any}} props */
function WhyAt({ job }) {
  const { query } = route.use();
  const here = zone.use();
  const at = query.at ? ms(query.at) : NaN;
  const { data, error } = useAnswer(Number.isNaN(at) ? null : `job/${job.id}/explain/`, { at: query.at, zone: here }, { about: ofJob(job.id) });
  const [time, setTime] = useState('');
  const [date, setDate] = useState('');
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (time) say({ at: new Date(instant(time, date)).toISOString().replace('.000', '') }, false);
  };
  return html`<form class="why" onSubmit=${send}>
      <label for="why">Why at</label> <input id="why" type="time" required value=${time} onInput=${(/** @type {any} */ event) => setTime(event.target.value)} />
      <input type="date" aria-label="On the day, the latest where none is said" value=${date} max=${new Date(now() + 3e10).toISOString().slice(0, 10)}
        onInput=${(/** @type {any} */ event) => setDate(event.target.value)} />
      <button>Explain</button>
      ${query.at && html`<button type="button" class="plain" onClick=${() => say({ at: '' })}>Clear</button>`}
    </form>
    <div role="status">${!Number.isNaN(at) && html`<${Wrong} error=${error} />
      ${data?.slots.map((/** @type {any} */ slot) => html`<p class="answer"><${Shape} state=${slot.state} /> <b>${clock(slot.at)}</b> ${slot.sentence}
        ${slot.run_id && html` <a href=${to(`run/${slot.run_id}`)}>that run</a>`}</p>`)}`}</div>`;
}

/** @param {{id: string, lines: string}} props */
export function Run({ id, lines }) {
  zone.use();
  const asked = useAnswer(`run/${id}/`, {}, { about: ({ data }) => data.run_id === id, every: 1000 });
  const run = asked.data?.run;
  const job = useAnswer(run ? `job/${run.job_id}/` : null, {}, { about: ofJob(run?.job_id) }).data?.job;
  useEffect(() => void (document.title = `${run?.job_name ?? 'run'} ${run ? clock(run.scheduled_at) : ''} · kala`), [run?.id]);
  if (!run) return html`<main tabindex="-1" id="content"><${Wrong} error=${asked.error} /></main>`;
  const live = run.state === 'running' || run.state === 'waiting';
  /** @type {[string, any][]} */
  const facts = [
    ['due', html`<${At} at=${run.scheduled_at} />${run.count > 1 && html` to <${At} at=${run.last_scheduled_at} />, ${run.count} slots`}`],
    ['started', run.started_at && exactly(run.started_at)],
    ['ended', run.finished_at && run.started_at && exactly(run.finished_at)],
    ['took', run.duration !== null && span(run.duration)],
    ['attempts', run.attempts > 1 && run.attempts],
    ['exit code', run.exit_code],
    ['signal', run.signal],
    ['by', run.trigger.replace('_', ' ')],
    ['because of', run.cause && html`<a href=${to(`run/${run.cause}`)}>this run</a>`],
    ['after', run.parent_runs?.length > 0 && run.parent_runs.map((/** @type {string} */ parent, /** @type {number} */ n) => html`<a href=${to(`run/${parent}`)}>run ${n + 1}</a> `)],
  ];
  return html`<main tabindex="-1" id="content">
    <p class="crumbs"><a href=${to('jobs')}>Jobs</a> / <${JobLink} id=${run.job_id}><span class="name">${run.job_name}</span></${JobLink}></p>
    <h1><${Shape} state=${run.state} /> ${clock(run.scheduled_at)} ${word(run.state)}</h1>
    ${run.reason && html`<p class="lead">${run.reason}</p>`}
    ${job && html`<${JobActions} job=${job} running=${live ? id : null} after=${asked.again} />`}
    <dl class="pairs">${facts.filter(([, value]) => value !== null && value !== false && value !== undefined && value !== '').map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    ${run.state !== 'skipped' && html`<${Output} run=${run} picked=${lines} />`}
  </main>`;
}

const WIDE = 148, HIGH = 36, STEP_X = 176, STEP_Y = 42;
const MOST = 120; // nodes that are asked for
const TALL = 10; // nodes in a layer

/** @typedef {{id: string, name: string, last: any, disabled: boolean, x: number, y: number, state: string}} Node */

/**
 * Layers by the longest way from above; who could stand nearer to its followers does; then each stands at the mean of
 * its neighbours, a few times.
 * @param {any[]} nodes @param {{from: string, to: string}[]} edges
 */
export function layered(nodes, edges) {
  const above = groups(edges, 'to', 'from');
  const below = groups(edges, 'from', 'to');
  const depth = new Map(nodes.map(({ id }) => [id, 0]));
  for (let round = 0, moved = true; moved && round < nodes.length; round++) {
    moved = false;
    for (const { from, to: next } of edges) {
      if ((depth.get(next) ?? 0) > (depth.get(from) ?? 0)) continue;
      depth.set(next, (depth.get(from) ?? 0) + 1);
      moved = true;
    }
  }
  for (const { id } of nodes) {
    const next = below.get(id);
    if (next && !above.has(id)) depth.set(id, Math.min(...next.map((one) => depth.get(one) ?? 0)) - 1);
  }
  /** @type {any[][]} */
  const layers = [];
  for (const node of nodes) (layers[depth.get(node.id) ?? 0] ??= []).push(node);
  const filled = [...layers].map((layer) => layer ?? []);
  sweep(filled, above, below);
  return filled;
}

/** @param {any[]} edges @param {string} by @param {string} what @returns {Map<string, string[]>} */
function groups(edges, by, what) {
  const found = new Map();
  for (const edge of edges) found.set(edge[by], [...(found.get(edge[by]) ?? []), edge[what]]);
  return found;
}

/** @param {any[][]} layers @param {Map<string, string[]>} above @param {Map<string, string[]>} below */
function sweep(layers, above, below) {
  const at = new Map();
  const note = () => layers.forEach((layer) => layer.forEach(({ id }, n) => at.set(id, n - layer.length / 2)));
  note();
  for (let round = 0; round < 6; round++) {
    const near = round % 2 ? below : above;
    const mean = (/** @type {any} */ { id }) => {
      const those = (near.get(id) ?? []).filter((one) => at.has(one));
      return those.length ? those.reduce((sum, one) => sum + at.get(one), 0) / those.length : at.get(id);
    };
    for (const layer of layers) layer.sort((a, b) => mean(a) - mean(b));
    note();
  }
}

/** @param {any} data @param {string} id @returns {{nodes: Node[], edges: any[], width: number, height: number, hidden: number}} */
function placed(data, id) {
  const parents = data.edges.filter((/** @type {any} */ { kind }) => kind === 'parent');
  const joined = new Set([id, ...parents.flatMap((/** @type {any} */ { from, to: next }) => [from, next])]);
  const layers = layered(data.nodes.filter((/** @type {Node} */ node) => joined.has(node.id)), parents);
  const tall = Math.min(TALL, Math.max(1, ...layers.map((layer) => layer.length)));
  let hidden = 0;
  const nodes = layers.flatMap((layer, column) => {
    const shown = layer.length > TALL ? [...layer].sort((a, b) => Number(b.id === id) - Number(a.id === id)).slice(0, TALL) : layer;
    hidden += layer.length - shown.length;
    return shown.map((node, n) => ({ ...node, x: column * STEP_X + 2, y: (n + (tall - shown.length) / 2) * STEP_Y + 3 }));
  });
  const where = new Map(nodes.map((node) => [node.id, node]));
  const edges = parents.flatMap((/** @type {any} */ { from, to: next }) => {
    const [a, b] = [where.get(from), where.get(next)];
    return a && b ? [{ key: `${from} ${next}`, a, b, own: from === id || next === id }] : [];
  });
  return { nodes, edges, hidden, width: layers.length * STEP_X - STEP_X + WIDE + 4, height: tall * STEP_Y };
}

/** How the last run went, in a word or two. @param {any} node */
function lately({ last }) {
  if (!last) return 'not yet';
  const [begin, , state] = last;
  if (WRONG.includes(state) || state === 'skipped') return `${word(state)} ${clock(begin)}`;
  return state === 'running' || state === 'waiting' ? word(state) : clock(begin);
}

/** @param {{id: string, name?: string, picks?: boolean}} props `picks`: a node is picked where it stands */
export function Family({ id, picks = false }) {
  const { data, error, fresh } = useAnswer(`job/${id}/family/`, { limit: MOST }, { about: ofJob(id), every: 5000 });
  const drawn = useMemo(() => data && placed(data, data.nodes[0].id), [data]);
  if (error) return html`<${Wrong} error=${error} />`;
  if (!drawn) return null;
  const self = data.nodes[0];
  const calls = data.edges.filter((/** @type {any} */ { kind, from }) => kind === 'failure' && from === self.id);
  const named = (/** @type {any} */ { to: next }) => html`<${JobLink} id=${next}><span class="name">${data.nodes.find((/** @type {any} */ node) => node.id === next)?.name ?? 'a job'}</span></${JobLink}>`;
  if (drawn.nodes.length < 2 && !calls.length) return picks ? html`<p class="soft family-none">Nothing waits for <span class="name">${self.name}</span>, and it waits for nothing.</p>` : null;
  const others = drawn.nodes.length - 1 + drawn.hidden;
  return html`<section class="family" aria-label="Who follows whom" aria-busy=${!fresh}>
    <h2>Who follows whom <span class="soft">${others > 0 && `${count(others, 'job')}${data.cut ? ' and more' : ''} before or after `}${others > 0 && html`<span class="name">${self.name}</span>`}${
      calls.length > 0 && html`${others > 0 && ' · '}on failure: ${listed(calls.map(named))}`}</span></h2>
    ${drawn.nodes.length > 1 && html`<div class="graph" tabindex="0" role="group" aria-label="Jobs before and after"><div style=${{ width: `${drawn.width}px`, height: `${drawn.height}px` }}>
      <svg width=${drawn.width} height=${drawn.height} aria-hidden="true">${drawn.edges.map((/** @type {any} */ { key, a, b, own }) => {
        const [x, y, x2, y2] = [a.x + WIDE, a.y + HIGH / 2, b.x, b.y + HIGH / 2];
        return html`<path key=${key} class=${own ? 'own' : ''} d=${`M${x} ${y}C${x + 16} ${y} ${x2 - 16} ${y2} ${x2} ${y2}`} />`;
      })}</svg>
      ${drawn.nodes.map((/** @type {Node} */ node) => html`<a key=${node.id} class=${`node ${node.disabled ? 'off' : ''}`} aria-current=${node.id === self.id ? 'true' : undefined}
        href=${picks ? to('', { job: node.id }) : to(`job/${node.id}`)} style=${{ left: `${node.x}px`, top: `${node.y}px` }}>
        <${Shape} state=${node.last?.[2] ?? 'none'} /><span class="name">${node.name}</span><small>${lately(node)}</small></a>`)}
    </div></div>`}
    ${drawn.hidden + (data.cut ? 1 : 0) > 0 && html`<p class="soft">${drawn.hidden > 0 ? `${count(drawn.hidden, 'job')} more ${drawn.hidden === 1 ? 'is' : 'are'} not drawn` : 'Not all of them are drawn'}; <${JobLink} id=${self.id}>the job</${JobLink}> tells how many there are.</p>`}
  </section>`;
}
