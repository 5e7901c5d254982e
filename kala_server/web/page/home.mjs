// @ts-check
/** Now: did it go well, who waits behind what failed, what comes, and the job that is picked beside it. */

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from './vendor/preact-htm.mjs';
import { anything, ofJob, useAnswer } from './stream.mjs';
import { Family } from './job.mjs';
import { Tail } from './output.mjs';
import { Ask, At, count, In, JobActions, JobLink, Ledger, listed, Schedule, Search, useMayAct, WRONG, Wrong } from './pieces.mjs';
import { act, BASE, look, session } from './server.mjs';
import { axisOf, Legend, Timeline } from './timeline.mjs';
import { clock, route, say, stretch, to, zone } from './times.mjs';

const NAMED = 3; // of those behind

/** @param {any} jobs */
const names = (jobs) => jobs.map((/** @type {any} */ { id, name }) => html`<${JobLink} key=${id} id=${id}><span class="name">${name}</span></${JobLink}>`);

/** @param {any} failing @returns {any} */
function headline({ total, jobs }) {
  if (total === 0) return 'Nothing is failing.';
  if (total <= 2) return html`${listed(names(jobs.slice(0, 2)))} ${total === 1 ? 'is' : 'are'} failing.`;
  return html`${names(jobs.slice(0, 1))} and <a href=${to('jobs', { state: 'failing' })}>${count(total - 1)} more</a> are failing.`;
}

/** @param {any} failing */
function Behind({ jobs }) {
  const worst = jobs.find((/** @type {any} */ { behind }) => behind.total > 0);
  if (!worst) return null;
  const { total, jobs: followers } = worst.behind;
  const more = total - Math.min(NAMED, followers.length);
  const told = names(followers.slice(0, NAMED));
  return html`<p class="lead">Behind <span class="name">${worst.name}</span> ${total === 1 ? 'waits' : 'wait'} ${
    more > 0 ? html`${told.map((/** @type {any} */ one, /** @type {number} */ n) => [n ? ', ' : '', one])} and ${count(more)} more` : listed(told)}.</p>`;
}

/** @param {{summary: any, span: string, since: string}} props `span`: such as `24 hours` */
export function Verdict({ summary, span, since }) {
  const { slots, running, waiting, failing, next } = summary;
  const wrong = WRONG.reduce((sum, state) => sum + (slots[state] ?? 0), 0);
  const link = (/** @type {string} */ state, /** @type {string} */ kind, /** @type {any} */ text) => html`<a class=${kind} href=${to('runs', { state, from: since })}>${text}</a>`;
  return html`<h1>${headline(failing)}</h1>
    <${Behind} ...${failing} />
    <p class="figures">In the last ${span}: <b>${count(slots.succeeded ?? 0)}</b> succeeded${wrong > 0 && html`, ${link(WRONG.join(','), 'bad', `${count(wrong)} failed`)}`}${
      slots.skipped > 0 && html`, ${link('skipped', 'skip', `${count(slots.skipped, 'slot')} did not run`)}`}.
      ${' '}Now: ${running > 0 ? html`<a href=${to('runs', { state: 'running,waiting' })}>${count(running)} running</a>` : 'none running'}${waiting > 0 && `, ${count(waiting)} waiting`}.
      ${' '}${next ? html`Next: <${JobLink} id=${next.job_id}><span class="name">${next.job_name}</span></${JobLink}> <${In} at=${next.at} />.` : 'Nothing is to come.'}</p>
    ${summary.outages.length > 0 && html`<p class="figures">The server was down ${listed(summary.outages.slice(-3).map((/** @type {[string, string]} */ [from, until]) => stretch(from, until)))}.</p>`}`;
}

/** That the server is paused, since when and why. */
export function Pause() {
  const who = session.use();
  const may = useMayAct();
  if (!who?.pause?.paused) return null;
  const resume = async () => {
    await act('POST', 'resume/');
    await look();
  };
  return html`<div id="pause" class="notice" tabindex="-1">
    <p><b>The server is paused</b> since ${clock(who.pause.since)}: no job starts by itself.${who.pause.reason && ` “${who.pause.reason}”`}</p>
    ${who.scope === 'full' && html`<${Ask} label="Resume" yes="Yes, let jobs start by themselves again" no="Stay paused" does=${resume} off=${!may} done="The server is resumed" />`}
  </div>`;
}

/** Nobody has made a job yet. */
export function Empty() {
  const url = new URL('../..', BASE).href.replace(/\/$/, '');
  return html`<h1>There is no job yet.</h1>
    <p class="lead">Make one <a href=${to('new')}>on this page</a>, from a shell, or from Python:</p>
    <pre class="tail">${`curl ${url}/api/v1/job/ -d '{"name": "hello", "command": "echo hello", "schedule": "*/5 * * * *"}'`}</pre>
    <pre class="tail">${`from kala_client import KalaClient\n\nKalaClient("${url}").create_job(name="hello", command="echo hello", schedule="*/5 * * * *")`}</pre>`;
}

/** @param {{id: string, run?: string}} props */
export function Inspector({ id, run: wanted }) {
  const here = zone.use();
  const about = ofJob(id);
  const asked = useAnswer(`job/${id}/`, {}, { about });
  const ledger = useAnswer(`job/${id}/runs/`, { limit: 5, explain: true, zone: here }, { about });
  const runs = ledger.data?.runs ?? [];
  const known = runs.find((/** @type {any} */ run) => run.id === wanted);
  const other = useAnswer(wanted && ledger.data && !known ? `run/${wanted}/` : null).data?.run;
  const job = asked.data?.job;
  if (!job) return html`<${Wrong} error=${asked.error} />`;
  const picked = known ?? (wanted && other?.id === wanted ? other : runs[0]);
  const shown = picked && !runs.includes(picked) ? [picked, ...runs] : runs;
  const running = runs.find((/** @type {any} */ run) => run.state === 'running' || run.state === 'waiting');
  const again = () => (asked.again(), ledger.again());
  return html`<h2><${JobLink} id=${id}><span class="name">${job.name}</span></${JobLink}></h2>
    <p class="facts"><${Schedule} job=${{ ...job, parents: job.parent_jobs?.length }} />${!job.disabled && !job.next_run_at.startsWith('0001-') && html`<span class="soft"> · next <${At} at=${job.next_run_at} />, <${In} at=${job.next_run_at} /></span>`}${job.disabled && html`<span class="soft"> · disabled</span>`}</p>
    ${job.stuck && html`<p class="wrong">Stuck: ${job.stuck}</p>`}
    <${JobActions} job=${job} running=${running?.id} after=${again} />
    <${Ledger} runs=${shown} picked=${picked?.id} pick=${(/** @type {any} */ run) => say({ job: id, run: run.id })} />
    ${ledger.data && !runs.length && html`<p class="soft">It has not run yet.</p>`}
    <${Wrong} error=${ledger.error} />
    ${picked && picked.state !== 'skipped' && html`<h3>Output <a class="soft" href=${to(`run/${picked.id}`)}>all of it</a></h3><${Tail} key=${picked.id} run=${picked} />`}`;
}

const WINDOWS = /** @type {Record<string, string>} */ ({ 6: '6 hours', 24: '24 hours', 168: '7 days' });
const STEPS = [900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400]; // seconds of a part of the time
const WIDEST = 5; // pixels that a part needs

/** How wide the marks have room. @returns {[any, number]} */
function useWidth() {
  const box = useRef(/** @type {any} */ (null));
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const look = () => {
      const label = parseFloat(getComputedStyle(element).getPropertyValue('--label'));
      setWidth(Math.max(100, Math.floor(element.clientWidth - label - 10)));
    };
    const watching = new ResizeObserver(look);
    watching.observe(element);
    look();
    return () => watching.disconnect();
  }, []);
  return [box, width];
}

export function Home() {
  const { query } = route.use();
  const here = zone.use();
  const [box, width] = useWidth();
  const [minute, setMinute] = useState(0);
  const [first, setFirst] = useState(/** @type {any} */ (null));
  const hours = WINDOWS[query.h] ? Number(query.h) : 24;
  const step = STEPS.find((one) => (one / (2 * hours * 3600)) * width >= WIDEST) ?? 86_400;
  useEffect(() => {
    document.title = 'kala';
    const timer = setInterval(() => document.hidden || setMinute((n) => n + 1), 60_000);
    return () => clearInterval(timer);
  }, []);
  const axis = useMemo(() => axisOf(hours, query.from, width), [hours, query.from, width, minute, here]);
  const since = new Date(axis.from).toISOString();
  const { data: summary, error } = useAnswer(width ? 'summary/' : null, { from: since, to: new Date(axis.to).toISOString(), step }, { about: anything, every: 4000 });
  const job = query.job ?? (first?.id || '');
  const pick = (/** @type {any} */ row, /** @type {string | undefined} */ run) => say({ job: row.id, run });
  if (summary?.jobs === 0) return html`<main tabindex="-1" id="content"><${Pause} /><${Empty} /></main>`;
  return html`<main class="home" tabindex="-1" id="content">
    <div class="verdict"><${Pause} />${summary ? html`<${Verdict} summary=${summary} span=${WINDOWS[hours]} since=${since} />` : html`<div class="ghost-lines" aria-busy="true"><h1>…</h1></div>`}<${Wrong} error=${error} /></div>
    <div class="chart" ref=${box}>
      <div class="tools">
        <${Search} label="Filter jobs" text=${query.q ?? ''} found=${(/** @type {string} */ q) => say({ q })} />
        <nav class="choices" aria-label="How far back and ahead">${Object.keys(WINDOWS).map((h) => html`<a key=${h} href="#/" aria-current=${Number(h) === hours ? 'true' : undefined}
          onClick=${(/** @type {Event} */ event) => (event.preventDefault(), say({ h: h === '24' ? '' : h }, false))}>${h === '168' ? '7 d' : `${h} h`}</a>`)}</nav>
        ${query.tag && html`<button class="plain" onClick=${() => say({ tag: '' })}>tag ${query.tag} ×</button>`}
        <span class="spring"></span><${Legend} />
      </div>
      ${summary && width > 0 && html`<${Timeline} axis=${axis} summary=${summary} q=${query.q ?? ''} tag=${query.tag ?? ''} job=${job} pick=${pick} first=${setFirst} />`}
      ${job && html`<${Family} id=${job} picks />`}
    </div>
    <aside aria-label="The picked job">${job && html`<${Inspector} key=${job} id=${job} run=${query.run} />`}</aside>
  </main>`;
}
