// The draft of a mapping: its text, what the service says of it, and a copy in this browser until it is active.
import { ApiError, api } from "../api.js";
import { useCallback, useEffect, useRef, useState } from "../vendor/preact.js";

const WAIT_MS = 300;
const BUSY_MS = 400;
const LOST_MS = 3000;
/** Of this adapter: another one may be at another path of the host. */
const PREFIX = `browsee-adapter draft of ${new URL(".", document.baseURI.split("#")[0]).pathname} `;

/** The ETag and the text of the file that a draft was made from. @typedef {{etag: string, text: string}} Base */
/**
 * `earlier`: a draft that was offered, and left undecided, while this one was written, or one of another tab; `tab`: where it was written.
 * @typedef {{text: string, base: Base, at: string, earlier?: Kept | null, tab?: number}} Kept
 */

const TAB = Math.random();
/** The drafts of other tabs that this one has offered: what becomes of them is decided here too. */
const offered = /** @type {Set<string>} */ (new Set());
const nameOf = (/** @type {Kept} */ kept) => `${kept.tab} ${kept.at}`;

/** @param {string} file @returns {Kept | null} */
export function keptDraft(file) {
  const kept = stored(file);
  for (const each of listed(kept)) offered.add(nameOf(each));
  return kept;
}

/** @param {string} file @returns {Kept | null} */
function stored(file) {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFIX + file) ?? "null");
    return kept?.base?.etag ? kept : null;
  } catch {
    return null;
  }
}

/** @param {Kept | null | undefined} kept @returns {Kept[]} */
const listed = (kept) => (kept ? [kept, ...listed(kept.earlier)] : []);

/** @param {string} file @param {string | null} text @param {Base} base @param {Kept | null} earlier */
export function keepDraft(file, text, base, earlier) {
  const mine = text === null ? [] : [{ text, base, at: new Date().toISOString(), tab: TAB }];
  const own = listed(earlier).map((each) => ({ tab: TAB, ...each }));
  // Drafts of other tabs stay.
  const others = listed(stored(file)).filter((each) => each.tab !== TAB && !offered.has(nameOf(each)));
  const kept = [...mine, ...own, ...others].reduceRight((/** @type {Kept | null} */ later, each) => ({ ...each, earlier: later }), null);
  try {
    if (kept === null) localStorage.removeItem(PREFIX + file);
    else localStorage.setItem(PREFIX + file, JSON.stringify(kept));
  } catch {
    // A browser without storage keeps the draft as long as the page is open.
  }
}

/**
 * Checks the text 300 ms after the last key, with the events and messages of the preview. An answer to an older text is
 * dropped; while another check runs it is asked again.
 * @param {string} source
 * @param {string} text
 * @param {string[]} events
 * @param {any[]} messages
 */
export function useCheck(source, text, events, messages) {
  const [state, setState] = useState(/** @type {{checked: any, of: string, error: ApiError | null, isBusy: boolean}} */ ({ checked: null, of: "", error: null, isBusy: true }));
  const [round, setRound] = useState(0);
  const first = useRef(true);
  const key = JSON.stringify([text, events, messages]);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const ask = async () => {
      setState((now) => ({ ...now, isBusy: true }));
      try {
        const checked = await api.post("/mapping/check", { source, text, events, messages }, {}, abort.signal);
        setState({ checked, of: text, error: null, isBusy: false });
      } catch (error) {
        if (abort.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        if (error.code === "busy" || error.status === 429) timer = window.setTimeout(ask, BUSY_MS);
        else {
          setState((now) => ({ ...now, error, isBusy: false }));
          // The user may not type until the service is back, so the check repeats by itself.
          if (error.status === 0) timer = window.setTimeout(ask, LOST_MS);
        }
      }
    };
    timer = window.setTimeout(ask, first.current ? 0 : WAIT_MS);
    first.current = false;
    return () => (abort.abort(), clearTimeout(timer));
  }, [source, key, round]);
  const again = useCallback(() => setRound((n) => n + 1), []);
  return { ...state, again };
}

/** Whether a checked text has no errors; one with failing tests can be tried. @param {any} checked */
export const compiles = (checked) => !checked.findings.some((/** @type {any} */ finding) => finding.severity === "error");

/** Adds up the pages of a comparison. @param {any} sum @param {any} page */
export function added(sum, page) {
  if (!sum) return page;
  const merge = (/** @type {any[]} */ one, /** @type {any[]} */ other, /** @type {(each: any) => string} */ name) => {
    const found = new Map(one.map((each) => [name(each), { ...each }]));
    for (const each of other) {
      const known = found.get(name(each));
      if (known) known.events += each.events;
      else found.set(name(each), { ...each });
    }
    return [...found.values()].sort((a, b) => b.events - a.events);
  };
  return {
    ...page,
    events: sum.events + page.events, same: sum.same + page.same, different: sum.different + page.different, pending: sum.pending + page.pending,
    outcomes: merge(sum.outcomes, page.outcomes, (each) => `${each.from} ${each.to}`),
    changes: merge(sum.changes, page.changes, (each) => each.what),
    unmatchedTaken: merge(sum.unmatchedTaken, page.unmatchedTaken, (each) => each.name),
  };
}
