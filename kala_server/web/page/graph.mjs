// @ts-check
/** Who follows whom: a job's family in layers, from those that it waits for to those that wait for it. */

import { html, useMemo } from './vendor/preact-htm.mjs';
import { ofJob, useAnswer } from './stream.mjs';
import { count, JobLink, listed, Shape, word, Wrong, WRONG } from './pieces.mjs';
import { clock, to } from './times.mjs';

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
