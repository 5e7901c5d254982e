// @ts-check
/**
 * When and where: instants in words, in the zone of the reader, and the address, in which stands what is shown. What is due
 * when is the server's to say.
 */

import { session, Shared } from './server.mjs';

export const HERE = new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
/** The zone in which everything is told. */
export const zone = new Shared(HERE);

/** What the server's clock says, in milliseconds. */
export const now = () => Date.now() + (session.value?.ahead ?? 0);

/** @param {string | number | null | undefined} at @returns {number} milliseconds; NaN for never */
export const ms = (at) => (typeof at === 'number' ? at : at && !at.startsWith('0001-') ? Date.parse(at) : NaN);

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} name */
function format(name) {
  let found = formats.get(name);
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', {
      timeZone: name, hourCycle: 'h23', weekday: 'short', year: 'numeric', month: 'short', day: 'numeric',
      hour: '2-digit', minute: '2-digit', second: '2-digit',
    });
    formats.set(name, found);
  }
  return found;
}

/** @param {string} name whether there is such a zone */
export function isZone(name) {
  try {
    return Boolean(format(name));
  } catch {
    return false;
  }
}

/**
 * What a clock on the wall says.
 * @param {number} at @param {string} [name]
 * @returns {Record<'weekday' | 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', string>}
 */
export function wall(at, name = zone.value) {
  const parts = format(name).formatToParts(at);
  return /** @type {any} */ (Object.fromEntries(parts.map(({ type, value }) => [type, value])));
}

/** The day, such as `Sat 28 Nov`; with its year where that is not this one. @param {number} at @param {string} [name] */
export function day(at, name) {
  const { weekday, day: number, month, year } = wall(at, name);
  return `${weekday} ${number} ${month}${year === wall(now(), name).year ? '' : ` ${year}`}`;
}

/** `02:15`; with a word where the clock was put back and shows it for the second time. @param {number} at @param {string} [name] */
export function hour(at, name) {
  const { hour: h, minute } = wall(at, name);
  return `${h}:${minute}${at - fromWall(asUtc(at, name), name) < 1000 ? '' : ' again'}`;
}

/** `14:40` today, else with its day; a dash for never. @param {string | number | null | undefined} said @param {string} [name] */
export function clock(said, name) {
  const at = ms(said);
  if (Number.isNaN(at)) return '–';
  const date = day(at, name);
  return date === day(now(), name) ? hour(at, name) : `${date} ${hour(at, name)}`;
}

/** From when to when, the day once where it is one. @param {string | number} from @param {string | number} until */
export const stretch = (from, until) => `${clock(from)}–${day(ms(from)) === day(ms(until)) ? hour(ms(until)) : clock(until)}`;

/** With seconds. @param {string | number | null | undefined} said */
export function exactly(said) {
  const at = ms(said);
  return Number.isNaN(at) ? '–' : clock(at).replace(/:\d+/, `$&:${wall(at).second}`);
}

const UNITS = /** @type {[number, string][]} */ ([[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']]);

/** A length, in its two largest units. @param {number} seconds */
export function span(seconds) {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const first = UNITS.findIndex(([size]) => whole >= size);
  const [size, name] = UNITS[first];
  const rest = Math.floor((whole % size) / (UNITS[first + 1]?.[0] ?? 1));
  return `${Math.floor(whole / size)} ${name}${rest && first < 3 && (first < 2 || whole < 600) ? ` ${rest} ${UNITS[first + 1][1]}` : ''}`;
}

/**
 * The instant at which a clock says this, the latest one that has passed.
 * @param {string} time such as `09:00` @param {string} [date] such as `2026-11-28`
 */
export function instant(time, date) {
  const [h, m] = time.split(':').map(Number);
  if (date) return fromWall(Date.parse(`${date}T${time}:00Z`));
  const today = asUtc(now());
  const at = fromWall(today - (today % DAY) + (h * 60 + m) * 60_000);
  return at <= now() ? at : fromWall(today - (today % DAY) + (h * 60 + m) * 60_000 - DAY);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** What the clock on the wall says, as if it was UTC's. @param {number} at @param {string} [name] */
export function asUtc(at, name) {
  const { year, month, day: number, hour: h, minute, second } = wall(at, name);
  // Some write September as Sept.
  return Date.UTC(+year, MONTHS.indexOf(month.slice(0, 3)), +number, +h, +minute, +second);
}

const DAY = 86_400_000;

/**
 * When a clock on the wall says this: the first time, where it is put back; as if it was not put on, where it never does.
 * @param {number} said as if it was UTC's @param {string} [name]
 */
function fromWall(said, name) {
  // By the rules of the day before, and by those of the day after.
  const [before, after] = [-DAY, DAY].map((by) => 2 * said + by - asUtc(said + by, name));
  return asUtc(after, name) === said && asUtc(before, name) !== said ? after : before;
}

const QUARTER = 900_000;

/**
 * Where an axis has its marks: whole hours of the zone, at most so many.
 * @param {number} from @param {number} to @param {number} most
 * @returns {{at: number, text: string, day: boolean}[]}
 */
export function ticks(from, to, most) {
  const hours = (to - from) / 3_600_000;
  const step = [1, 2, 3, 4, 6, 12, 24, 48].find((n) => hours / n <= most) ?? 96;
  const found = [];
  for (let at = Math.ceil(from / QUARTER) * QUARTER; at < to; at += QUARTER) {
    const { hour: h, minute } = wall(at);
    if (minute !== '00' || +h % step !== 0 || (step > 24 && Math.round(asUtc(at) / DAY) % (step / 24))) continue;
    found.push({ at, text: h === '00' ? day(at) : `${h}:00`, day: h === '00' });
  }
  return found;
}

/** @typedef {{path: string[], query: Record<string, string>}} Route */

/** @returns {Route} */
function read() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const said = Object.fromEntries(new URLSearchParams(query ?? ''));
  zone.set(said.zone && isZone(said.zone) ? said.zone : HERE);
  return { path: path.split('/').filter(Boolean).map(decode), query: said };
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = new Shared(read());
addEventListener('hashchange', () => route.set(read()));

/**
 * An address of the page; the zone goes along where it is not the reader's own.
 * @param {string} path such as `job/ID` @param {Record<string, unknown>} [query]
 */
export function to(path, query = {}) {
  const said = new URLSearchParams();
  const all = { ...query, zone: 'zone' in query ? query.zone : zone.value };
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined && value !== null && value !== '' && !(name === 'zone' && value === HERE)) said.set(name, String(value));
  }
  const text = said.toString();
  return `#/${path}${text ? `?${text}` : ''}`;
}

/** Go there; `quietly` without a step in the history. @param {string} address */
export function go(address, quietly = false) {
  if (!quietly) location.hash = address;
  else {
    history.replaceState(null, '', address);
    route.set(read());
  }
}

/** The same screen, with something said otherwise. @param {Record<string, unknown>} query */
export function say(query, quietly = true) {
  const { path, query: before } = route.value;
  go(to(path.map(encodeURIComponent).join('/'), { ...before, ...query }), quietly);
}
