// Events and rejections, newest first, live. The filters are in the address.
import { ApiError, api } from "../api.js";
import { ChangeDialog, ask } from "../change.js";
import { Failure } from "../data.js";
import { Time, plural, timeText } from "../format.js";
import { href, navigate } from "../router.js";
import { connection, subscribe, summary } from "../stream.js";
import { Badge, Banner, Button, Empty, Field, Page, Skeleton, Table, Words } from "../ui.js";
import { html, useCallback, useEffect, useRef, useState } from "../vendor/preact.js";

const OUTCOMES = ["pending", "delivered", "dropped", "unmatched", "dead", "rejected"];
const SPANS = [["", "All kept"], ["1h", "Last hour"], ["24h", "Last 24 hours"], ["7d", "Last 7 days"]];
const SPAN_MS = /** @type {Record<string, number>} */ ({ "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 });
const PAGE = 50;
const KEPT = 500;
/** Filters that the service applies; `span` becomes `since`, `who` an id or a user. */
const FILTERS = ["outcome", "source", "name", "user", "cause", "rule", "since", "until"];

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
  const isFiltered = Object.keys(query).length > 0;
  return html`<${Page} title="Events" actions=${html`<${LiveControl} list=${list} />`}>
    <${Filters} query=${query} />
    ${selected.size > 0 && html`<${Selection} entries=${list.entries.filter((entry) => selected.has(entry.id))} clear=${() => (setSelected(new Set()), list.reload())} />`}
    ${list.error && html`<${Failure} error=${list.error} retry=${list.reload} />`}
    ${!list.error && list.isLoading && list.entries.length === 0 && html`<${Skeleton} lines=${8} />`}
    ${list.news.length > 0 && html`<p class="news"><${Button} onClick=${list.showNews}>${plural(list.news.length, "new event")}<//></p>`}
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
    <td class="clip user">${entry.userId ?? entry.anonymousId ?? ""}</td>
    <td class="clip source">${entry.source}</td>
    <td class="clip why muted" title=${why ?? ""}><${Words} text=${why ?? ""} /></td>
  </tr>`;
}

/** `track Order Completed`; a name that is no text is shown as JSON. @param {any} entry */
export function eventName(entry) {
  if (entry.outcome === "rejected" && !entry.type) return entry.messageId ? `message ${entry.messageId}` : "a message";
  const name = typeof entry.event === "string" ? entry.event : entry.event === null || entry.event === undefined ? "" : JSON.stringify(entry.event);
  return `${entry.type ?? ""} ${name}`.trim().slice(0, 300);
}

/** @param {{list: ReturnType<typeof useEvents>}} props */
function LiveControl({ list }) {
  if (connection.value === "off" || connection.value === "lost") return null;
  return html`<${Button} data-pause aria-pressed=${list.isPaused} onClick=${list.togglePause}>${list.isPaused ? "Resume" : "Pause"}<//>`;
}

/** @param {{query: Record<string, string>}} props */
function Filters({ query }) {
  const set = (/** @type {Record<string, string>} */ more) => navigate("/events", { ...query, ...more });
  const sources = [...new Set((summary.value?.mapping_files ?? []).map((/** @type {any} */ file) => file.source))];
  const search = (/** @type {any} */ event) => {
    event.preventDefault();
    const text = event.target.elements.who.value.trim();
    if (/^r?\d+$/.test(text)) navigate(`/events/${text}`);
    else if (text) find(text).then((id) => (id ? navigate(`/events/${encodeURIComponent(text)}`) : set({ user: text })));
    else set({ user: "" });
  };
  const choose = (/** @type {string} */ name, /** @type {any[]} */ choices) => (/** @type {string} */ id) =>
    html`<select id=${id} value=${query[name] ?? ""} onChange=${(/** @type {any} */ event) => set({ [name]: event.target.value })}>
      ${choices.map(([value, text]) => html`<option value=${value} selected=${(query[name] ?? "") === value}>${text}</option>`)}</select>`;
  return html`<div class="filters">
    <${Field} label="Outcome">${choose("outcome", [["", "Any"], ...OUTCOMES.map((word) => [word, word])])}<//>
    ${sources.length > 1 && html`<${Field} label="Source">${choose("source", [["", "Any"], ...sources.map((name) => [name, name])])}<//>`}
    <${Field} label="Received">${choose("span", SPANS)}<//>
    <form onSubmit=${(/** @type {any} */ event) => (event.preventDefault(), set({ name: event.target.elements.name.value.trim() }))}>
      <${Field} label="Event name">${(/** @type {string} */ id) => html`<input id=${id} name="name" key=${query.name} defaultValue=${query.name ?? ""} placeholder="Order Completed" />`}<//></form>
    <form onSubmit=${search} role="search"><${Field} label="User, message id or event id">${(/** @type {string} */ id) => html`<input id=${id} name="who" data-search key=${query.user} defaultValue=${query.user ?? ""} />`}<//></form>
    ${Object.keys(query).length > 0 && html`<${Button} quiet onClick=${() => navigate("/events")}>Clear filters<//>`}
    ${["cause", "rule"].map((name) => query[name] && html`<p class="chip">${name}: <strong>${query[name]}</strong> <${Button} quiet aria-label="Remove the filter ${name}" onClick=${() => set({ [name]: "" })}>✕<//></p>`)}
  </div>`;
}

/** Whether something is kept under a message id. @param {string} text */
async function find(text) {
  try {
    return (await api.get("/where", { id: text })).found.length > 0;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

/** @param {{entries: any[], clear: () => void}} props */
function Selection({ entries, clear }) {
  const ids = entries.map((entry) => entry.id);
  const kept = entries.filter((entry) => entry.outcome !== "unmatched").map((entry) => entry.id);
  const one = entries.find((entry) => entry.source);
  return html`<${Banner} actions=${html`
      <${Button} primary onClick=${() => ask({ kind: "requeue", which: { ids }, about: "The selected events.", done: clear })}>Requeue…<//>
      ${one && html`<a class="button" href=${href(`/mappings/${encodeURIComponent(one.source)}`, { events: ids.filter((id) => !id.startsWith("r")).slice(0, 20).join(",") })}>Open in mapping</a>`}
      ${kept.length > 0 && html`<${Button} danger onClick=${() => ask({ kind: "discard", which: { ids: kept }, about: "The selected events.", done: clear })}>Discard…<//>`}`}>
    <strong>${plural(ids.length, "event")} selected</strong><//>`;
}

/** @param {{query: Record<string, string>, isFiltered: boolean}} props */
function Nothing({ query, isFiltered }) {
  if (!isFiltered) return html`<${Empty} title="No event yet"><p>Events appear here as they arrive. <a href="#/sources">Set up a source</a>.</p><//>`;
  const said = Object.entries(query).map(([name, value]) => (name === "span" ? SPANS.find(([id]) => id === value)?.[1]?.toLowerCase() : `${name} ${value}`));
  return html`<${Empty} title="No event matches"><p>Looked for ${said.join(", ")}.</p><${Button} onClick=${() => navigate("/events")}>Clear filters<//><//>`;
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
  const [round, setRound] = useState(0);
  const filter = JSON.stringify(query);
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
    void load(null, abort.current.signal);
    return () => abort.current.abort();
  }, [load, round]);
  useEffect(() => subscribe({
    resync: () => setRound((n) => n + 1),
    events: (entries) => {
      const known = new Map(entries.map((entry) => [entry.id, entry]));
      setState((now) => ({ ...now, entries: now.entries.map((entry) => known.get(entry.id) ?? entry) }));
      const fresh = entries.filter((entry) => isWanted(entry, query));
      setNews((now) => [...fresh.reverse(), ...now.filter((entry) => !known.has(entry.id))].slice(0, KEPT));
    },
  }), [filter]);
  const showNews = () => {
    setState((now) => {
      const shown = new Set(now.entries.map((entry) => entry.id));
      return { ...now, entries: [...news.filter((entry) => !shown.has(entry.id)), ...now.entries].slice(0, KEPT) };
    });
    setNews([]);
  };
  const unseen = news.filter((entry) => !state.entries.some((shown) => shown.id === entry.id));
  useEffect(() => {
    if (unseen.length > 0 && !isPaused && window.scrollY < 40) showNews();
  });
  return {
    ...state, news: unseen, isPaused, showNews, togglePause: () => setPaused(!isPaused),
    reload: () => setRound((n) => n + 1), older: () => load(state.next, abort.current.signal),
  };
}

/** @param {Record<string, string>} query */
function serverFilters(query) {
  const found = Object.fromEntries(FILTERS.filter((name) => query[name]).map((name) => [name, query[name]]));
  const span = SPAN_MS[query.span ?? ""];
  return span ? { ...found, since: new Date(Date.now() - span).toISOString() } : found;
}

/** Whether news belong to the list. @param {any} entry @param {Record<string, string>} query */
function isWanted(entry, query) {
  return (!query.outcome || entry.outcome === query.outcome) && (!query.source || entry.source === query.source) && (!query.name || entry.event === query.name)
    && (!query.user || entry.userId === query.user || entry.anonymousId === query.user) && (!query.cause || (entry.cause ?? "").includes(query.cause)) && (!query.rule || entry.rule === query.rule) && !query.until;
}
