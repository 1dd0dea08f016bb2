// What becomes of requeued events, counted as they end.
import { api } from "./api.js";
import { count } from "./format.js";
import { Badge } from "./ui.js";
import { html, useEffect, useState } from "./vendor/preact.js";

const MOST = 500;
const PAGES = 20;
const AGAIN_MS = 1_000;

/** @typedef {{ids: string[], isAll: boolean, after: string}} Watched */

/**
 * The events that are to be requeued, up to 500, and the place in the list of news before that.
 * @param {Record<string, any>} which
 * @returns {Promise<Watched>}
 */
export async function toWatch(which) {
  const { next } = await api.get("/tail");
  if (which.ids) return { ids: events(which.ids).slice(0, MOST), isAll: which.ids.length <= MOST, after: next };
  const ids = /** @type {string[]} */ ([]);
  let more = /** @type {string | null} */ (null);
  // A page lists those of the cause among some hundred dead letters.
  for (let page = 0; page < PAGES && ids.length < MOST && (page === 0 || more); page += 1) {
    const found = which.unmatched
      ? await api.get("/events", { outcome: "unmatched", limit: MOST, before: more })
      : await api.get("/dead", { cause: which.cause, exact: which.exact, limit: MOST, after: more });
    ids.push(...events(found.entries.map(({ id }) => id)));
    more = found.next;
  }
  return { ids: ids.slice(0, MOST), isAll: more === null && ids.length <= MOST, after: next };
}

/** Rejections become events with new ids, which are unknown beforehand. @param {string[]} ids */
const events = (ids) => ids.filter((id) => !id.startsWith("r"));

/** Counts while it is shown. @param {{watched: Watched}} props */
export function Outcomes({ watched }) {
  const [ended, setEnded] = useState(/** @type {Record<string, string>} */ ({}));
  const waiting = watched.ids.filter((id) => !(id in ended));
  useEffect(() => {
    if (waiting.length === 0) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      const found = await api.get("/tail", { after: watched.after, watch: waiting.join() }, abort.signal).catch(() => null);
      if (abort.signal.aborted) return;
      const now = (found?.entries ?? []).filter((/** @type {any} */ entry) => waiting.includes(entry.id) && entry.outcome !== "pending");
      // A new object in any case: it asks again.
      setEnded((before) => ({ ...before, ...Object.fromEntries(now.map((/** @type {any} */ entry) => [entry.id, entry.outcome])) }));
    }, AGAIN_MS);
    return () => (clearTimeout(timer), abort.abort());
  }, [ended]);
  if (watched.ids.length === 0) return null;
  const outcomes = Object.values(ended);
  const of = (/** @type {string} */ outcome) => outcomes.filter((each) => each === outcome).length;
  return html`<p role="status" class="outcomes">${["delivered", "dropped", "unmatched", "dead"].map((outcome) => of(outcome) > 0 && html`<${Badge} outcome=${outcome} text=${`${count(of(outcome))} ${outcome === "dead" ? "dead again" : outcome}`} /> `)}
    <${Badge} outcome="pending" text=${`${count(waiting.length)} pending`} />${!watched.isAll && html` <span class="muted">of the first ${count(watched.ids.length)}</span>`}</p>`;
}
