// Events and rejections, newest first, live. The filters are in the address.
import { ApiError, api } from "../api.js";
import { ChangeDialog, ask } from "../change.js";
import { Failure } from "../data.js";
import { Time, plural, timeText, visible } from "../format.js";
import { href, navigate } from "../router.js";
import { connection, subscribe } from "../stream.js";
import { Badge, Banner, Button, Empty, Page, Skeleton, Table, Words } from "../ui.js";
import { html, useCallback, useEffect, useRef, useState } from "../vendor/preact.js";
import { Filters, SPANS, isWanted, serverFilters } from "./event-filters.js";

const PAGE = 50;
const KEPT = 500;
/** News are spoken this often at most. */
const SPOKEN_MS = 10_000;

/** @param {{query: Record<string, string>}} props */
export default function Events({ query }) {
  const list = useEvents(query);
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  useEffect(() => setSelected(new Set()), [JSON.stringify(query)]);
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  const chosen = list.entries.filter((entry) => selected.has(entry.id));
  const isFiltered = Object.keys(query).length > 0;
  return html`<${Page} title="Events" actions=${html`<${LiveControl} list=${list} />`}>
    <${Filters} query=${query} />
    <p class="visually-hidden" role="status" data-spoken>${list.spoken && html`<span key=${list.spoken.n}>${list.spoken.text}</span>`}</p>
    ${chosen.length > 0 && html`<${Selection} entries=${chosen} clear=${() => (setSelected(new Set()), list.reload())} />`}
    ${list.error && html`<${Failure} error=${list.error} retry=${list.reload} />`}
    ${!list.error && list.isLoading && list.entries.length === 0 && html`<${Skeleton} lines=${8} />`}
    ${(list.hasGap || list.news.length > 0) && html`<p class="news"><${Button} onClick=${list.showNews}>${list.hasGap ? (query.exact ? "New events" : "Many new events") : plural(list.news.length, "new event")}<//></p>`}
    ${list.entries.length > 0 && html`<${Table} narrow class="event-list" caption="Events, newest first" columns=${COLUMNS}>
      ${list.entries.map((entry) => html`<${Row} key=${entry.id} entry=${entry} isSelected=${selected.has(entry.id)} toggle=${toggle} />`)}<//>`}
    ${!list.error && !list.isLoading && list.entries.length === 0 && !list.next && html`<${Nothing} query=${query} isFiltered=${isFiltered} />`}
    <${More} list=${list} />
    <${ChangeDialog} />
  <//>`;
}

const COLUMNS = [
  { title: html`<span class="visually-hidden">Select</span>` }, { title: "Received" }, { title: "Outcome" }, { title: "Event" }, { title: "User" }, { title: "Source" }, { title: "Rule or cause" },
];

/** @param {{entry: any, isSelected: boolean, toggle: (id: string) => void}} props */
function Row({ entry, isSelected, toggle }) {
  const canChange = entry.outcome === "dead" || entry.outcome === "rejected" || entry.outcome === "unmatched";
  const name = eventName(entry);
  const why = entry.outcome === "pending" ? entry.waitsFor : (entry.outcome === "delivered" ? entry.rule : entry.cause) || entry.rule;
  return html`<tr data-row class=${isSelected ? "selected" : ""}>
    <td class="pick">${canChange && html`<input type="checkbox" checked=${isSelected} onChange=${() => toggle(entry.id)} aria-label="Select ${name} of ${entry.receivedAt}" />`}</td>
    <td class="time"><${Time} at=${entry.receivedAt} millis /></td>
    <td class="outcome"><${Badge} outcome=${entry.outcome} /></td>
    <td class="clip name"><a href=${href(`/events/${entry.id}`)}>${name}</a></td>
    <td class="clip user">${visible(entry.userId ?? entry.anonymousId ?? "")}</td>
    <td class="clip source">${entry.source}</td>
    <td class="clip why muted" title=${why ?? ""}><${Words} text=${why ?? ""} /></td>
  </tr>`;
}

/** `track Order Completed`; a name that is not text is shown as JSON. @param {any} entry */
export function eventName(entry) {
  if (entry.outcome === "rejected" && !entry.type) return entry.messageId ? `message ${entry.messageId}` : "a message";
  const name = typeof entry.event === "string" ? entry.event : entry.event === null || entry.event === undefined ? "" : JSON.stringify(entry.event);
  return visible(`${entry.type ?? ""} ${name}`.trim().slice(0, 300));
}

/** @param {{list: ReturnType<typeof useEvents>}} props */
function LiveControl({ list }) {
  if (connection.value === "off" || connection.value === "lost") return null;
  return html`<${Button} data-pause aria-pressed=${list.isPaused} onClick=${list.togglePause}>${list.isPaused ? "Resume" : "Pause"}<//>`;
}

/** @param {{entries: any[], clear: () => void}} props */
function Selection({ entries, clear }) {
  const ids = entries.map((entry) => entry.id);
  const kept = entries.filter((entry) => entry.outcome !== "unmatched").map((entry) => entry.id);
  const shown = entries.filter(({ outcome }) => outcome !== "rejected").slice(0, 20);
  const failed = shown.filter(({ outcome }) => outcome === "dead" || outcome === "unmatched");
  const one = entries.find((entry) => entry.source);
  return html`<${Banner} actions=${html`
      <${Button} primary onClick=${() => ask({ kind: "requeue", which: { ids }, about: "The selected events.", done: clear })}>Requeue…<//>
      ${one && html`<a class="button" href=${href(`/mappings/${encodeURIComponent(one.source)}`, { events: shown.map(({ id }) => id).join(","), requeue: failed.map(({ id }) => id).join(",") })}>Open in mapping</a>`}
      ${kept.length > 0 && html`<${Button} danger onClick=${() => ask({ kind: "discard", which: { ids: kept }, about: "The selected events.", done: clear })}>Discard…<//>`}`}>
    <strong>${plural(ids.length, "event")} selected</strong><//>`;
}

/** @param {{query: Record<string, string>, isFiltered: boolean}} props */
function Nothing({ query, isFiltered }) {
  if (!isFiltered) return html`<${Empty} title="No event yet"><p>Events appear here as they arrive. <a href="#/sources">Set up a source</a>.</p><//>`;
  const said = Object.entries(query).filter(([name]) => name !== "exact").map(([name, value]) => {
    if (name === "span") return SPANS.find(([id]) => id === value)?.[1]?.toLowerCase();
    return `${name} ${(name === "since" || name === "until") && Date.parse(value) ? timeText(value) : value}`;
  });
  return html`<${Empty} title="No event matches"><p>Looked for ${said.filter(Boolean).join(", ")}.</p><${Button} onClick=${() => navigate("/events")}>Clear filters<//><//>`;
}

/** @param {{list: ReturnType<typeof useEvents>}} props */
function More({ list }) {
  if (!list.next || list.error) return null;
  return html`<p class="more"><${Button} disabled=${list.isLoading} onClick=${list.older}>${list.isLoading ? "Looking" : list.isShort ? "Look further" : "Older"}<//>
    ${list.isShort && list.entries.length > 0 && html` <span class="muted">Looked back to ${timeText(list.entries.at(-1).receivedAt)} and beyond; not all events were read yet.</span>`}</p>`;
}

/** The list: one page, older ones after it, and news on top while it is at its top. @param {Record<string, string>} query */
function useEvents(query) {
  const [state, setState] = useState({ entries: /** @type {any[]} */ ([]), next: /** @type {string | null} */ (null), error: /** @type {ApiError | null} */ (null), isLoading: true, isShort: false });
  const [news, setNews] = useState(/** @type {any[]} */ ([]));
  const [isPaused, setPaused] = useState(false);
  const isStill = useRef(false);
  isStill.current = isPaused;
  const [round, setRound] = useState(0);
  // News that are not in `news`, so they would leave a gap between it and the list.
  const [hasGap, setGap] = useState(false);
  const filter = JSON.stringify(query);
  const [spoken, speak] = useSpoken(filter);
  const shown = new Set(state.entries.map((entry) => entry.id));
  // An event that ends may be older than all that is shown: it comes with the older ones.
  const last = state.next === null ? "" : (state.entries.at(-1)?.receivedAt ?? "");
  const isUnseen = (/** @type {any} */ entry) => entry.receivedAt > last && !shown.has(entry.id);
  const unseen = news.filter(isUnseen);
  const isNew = useRef(isUnseen);
  isNew.current = (entry) => isUnseen(entry) && !news.some((each) => each.id === entry.id);
  const load = useCallback(async (/** @type {string | null} */ before, /** @type {AbortSignal} */ abort) => {
    setState((now) => ({ ...now, isLoading: true, error: null }));
    try {
      const page = await api.get("/events", { ...serverFilters(query), limit: PAGE, before }, abort);
      setState((now) => ({ entries: before ? [...now.entries, ...page.entries] : page.entries, next: page.next, error: null, isLoading: false, isShort: page.next !== null && page.entries.length < PAGE }));
    } catch (error) {
      if (error instanceof ApiError) setState((now) => ({ ...now, error, isLoading: false }));
      else if (!abort.aborted) throw error;
    }
  }, [filter]);
  const abort = useRef(new AbortController());
  useEffect(() => {
    abort.current = new AbortController();
    setNews([]);
    setGap(false);
    void load(null, abort.current.signal);
    return () => abort.current.abort();
  }, [load, round]);
  useEffect(() => subscribe({
    // A list that is scrolled down, or paused, stays as it is.
    resync: () => (isStill.current || !isAtTop() ? setGap(true) : setRound((n) => n + 1)),
    events: (entries) => {
      const latest = new Map(entries.map((entry) => [entry.id, entry]));
      setState((now) => ({ ...now, entries: now.entries.map((entry) => latest.get(entry.id) ?? entry) }));
      const fresh = entries.filter((entry) => isWanted(entry, query));
      if (query.exact && query.cause) return fresh.length > 0 && setGap(true);
      speak(fresh.filter((entry) => isNew.current(entry)).length);
      setNews((now) => [...fresh.reverse(), ...now.filter((entry) => !latest.has(entry.id))].slice(0, KEPT));
    },
  }), [filter]);
  const showNews = () => {
    // The page's beginning again, where the list would have a gap, or grow beyond measure.
    if (hasGap || news.length + state.entries.length > KEPT) {
      setGap(false);
      setNews([]);
      return setRound((n) => n + 1);
    }
    setState((now) => ({ ...now, entries: [...unseen, ...now.entries].sort(byReceipt) }));
    setNews([]);
  };
  useEffect(() => {
    if ((hasGap || unseen.length > 0) && !isPaused && isAtTop() && !state.isLoading) showNews();
  });
  return {
    ...state, news: unseen, spoken, hasGap, isPaused, showNews, togglePause: () => setPaused(!isPaused),
    reload: () => setRound((n) => n + 1), older: () => load(state.next, abort.current.signal),
  };
}

/** Newest first; of one millisecond as they are. @param {any} one @param {any} other */
const byReceipt = (one, other) => Number(one.receivedAt < other.receivedAt) - Number(one.receivedAt > other.receivedAt);

const isAtTop = () => window.scrollY < 40;

/**
 * What a screen reader says of news: "12 new events", those of ten seconds together. `n` counts what was said.
 * @param {string} filter begins again when it changes
 * @returns {[{text: string, n: number} | null, (events: number) => void]}
 */
function useSpoken(filter) {
  const [said, setSaid] = useState(/** @type {{text: string, n: number} | null} */ (null));
  const state = useRef({ events: 0, timer: 0 });
  const say = () => {
    const { events } = state.current;
    state.current = { events: 0, timer: events ? setTimeout(say, SPOKEN_MS) : 0 };
    if (events) setSaid((now) => ({ text: plural(events, "new event"), n: (now?.n ?? 0) + 1 }));
  };
  useEffect(() => () => {
    clearTimeout(state.current.timer);
    state.current = { events: 0, timer: 0 };
    setSaid(null);
  }, [filter]);
  return [said, (events) => {
    state.current.events += events;
    if (!state.current.timer && events) say();
  }];
}
