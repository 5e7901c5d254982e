// @ts-check
/** One job, one run, and runs of all jobs: how they went, in the server's sentences, how long they took, and why not. */

import { html, useEffect, useMemo, useState } from './vendor/preact-htm.mjs';
import { anything, ofJob, useAnswer } from './stream.mjs';
import { Family } from './graph.mjs';
import { Output } from './output.mjs';
import { Ask, At, count, In, JobActions, JobLink, Linked, listed, onAnotherClock, Schedule, Shape, useMayAct, word, Wrong, WRONG } from './pieces.mjs';
import { act, get } from './server.mjs';
import { clock, exactly, go, hour, instant, ms, now, route, say, span, to, zone } from './times.mjs';

/** When an entry was due; of slots in a row, from when to when. @param {any} run */
export function Due({ run }) {
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

/** The next slots of a job, with its own clock where that is another one. @param {{job: any}} props */
function Next({ job }) {
  const { data } = useAnswer(job.next_run_at && !job.disabled ? 'upcoming/' : null, { job: job.id, limit: 3 }, { about: ofJob(job.id) });
  if (!data?.slots.length) return job.disabled ? ' · disabled' : null;
  return html` · next ${listed(data.slots.map((/** @type {any} */ { at }) => html`<${At} at=${at} />${
    onAnotherClock(job) && html` <span class="soft">(${clock(at, job.timezone)} there)</span>`}`))}`;
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

/** A job as others point at it: its next slot. @param {{row: any}} props */
export const NextOf = ({ row }) => (row.next_at && !row.disabled ? html`<${At} at=${row.next_at} /> <span class="soft"><${In} at=${row.next_at} /></span>` : html`<span class="soft">–</span>`);

const HOW = /** @type {Record<string, string>} */ ({
  schedule: 'by its schedule', manual: 'by hand', parent: 'after its parents', catch_up: 'caught up with', on_failure: 'because another job failed',
});

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
    ['came to be', HOW[run.trigger] ?? run.trigger],
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
