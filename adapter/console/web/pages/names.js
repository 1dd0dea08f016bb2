// Every event name that came: how often, with which types of values, and the rule that takes it.
import { ApiError, api } from "../api.js";
import { Failure } from "../data.js";
import { Time, count, plural, visible } from "../format.js";
import { href, navigate } from "../router.js";
import { Badge, Button, Empty, Field, Page, Skeleton, Table } from "../ui.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { sourceNames } from "./event-filters.js";
import { addUp, isMixed, suggestedRule } from "./tally.js";

/** @typedef {import("./tally.js").Name} Name */

const PAGES_AT_ONCE = 5;
const SPANS = [["24", "24 hours"], ["168", "7 days"], ["", "everything kept"]];
const COLUMNS = [{ title: "Event name" }, { title: "Events", class: "number" }, { title: "Values" }, { title: "First" }, { title: "Last" }, { title: "Rule" }];

/** @param {{query: Record<string, string>}} props */
export default function Names({ query }) {
  const hours = query.hours ?? "24";
  const found = useNames(query.source ?? "", hours);
  const filter = (/** @type {Record<string, string>} */ more) => navigate("/names", { source: query.source, hours, ...more });
  const wanted = (query.text ?? "").toLowerCase();
  const shown = found.names.filter((name) => !wanted || (name.name ?? "").toLowerCase().includes(wanted));
  return html`<${Page} title="Names" lead="Every event name, with the types of its values and the rule of the active mapping that takes it.">
    <div class="filters" role="search">
      <${Field} label="Name">${(/** @type {string} */ id) => html`<input id=${id} data-search type="search" placeholder="any" defaultValue=${query.text ?? ""} onChange=${(/** @type {any} */ event) => filter({ text: event.target.value })} />`}<//>
      <${Field} label="Source">${(/** @type {string} */ id) => html`<select id=${id} value=${query.source ?? ""} onChange=${(/** @type {any} */ event) => filter({ source: event.target.value, text: query.text ?? "" })}>
        <option value="">all</option>${sourceNames().map((name) => html`<option value=${name}>${name}</option>`)}</select>`}<//>
      <${Field} label="Received in">${(/** @type {string} */ id) => html`<select id=${id} value=${hours} onChange=${(/** @type {any} */ event) => filter({ hours: event.target.value, text: query.text ?? "" })}>
        ${SPANS.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select>`}<//>
    </div>
    <p class="lead looked" role="status">${looked(found, hours)} ${found.next && !found.isBusy ? html`<${Button} quiet onClick=${found.more}>Look further<//>` : ""}</p>
    ${found.error && html`<${Failure} error=${found.error} retry=${found.more} />`}
    ${shown.length > 0 && html`<${Table} narrow caption="Event names" columns=${COLUMNS}>${shown.map((name) => html`<${Row} key=${JSON.stringify([name.source, name.type, name.name])} name=${name} />`)}<//>`}
    ${shown.length === 0 && found.isBusy && html`<${Skeleton} lines=${6} />`}
    ${shown.length === 0 && !found.isBusy && !found.error && html`<${Nothing} found=${found} query=${query} />`}
  <//>`;
}

/** Pages of the API, added up. @param {string} source @param {string} hours */
function useNames(source, hours) {
  const none = { names: /** @type {Name[]} */ ([]), events: 0, downTo: /** @type {string | null} */ (null), next: /** @type {string | null} */ (null), other: 0, error: /** @type {ApiError | null} */ (null), isBusy: true };
  const [state, setState] = useState(none);
  const [round, setRound] = useState(0);
  const go = async (/** @type {typeof none} */ from, /** @type {AbortSignal} */ abort) => {
    const since = hours ? new Date(Date.now() - Number(hours) * 3_600_000).toISOString() : undefined;
    let now = { ...from, isBusy: true, error: null };
    try {
      for (let page = 0; page < PAGES_AT_ONCE; page += 1) {
        const data = await api.get("/names", { source, since, before: now.next }, abort);
        if (abort.aborted) return;
        const isLast = data.next === null || page === PAGES_AT_ONCE - 1;
        now = { names: addUp(now.names, data.names), events: now.events + data.events, downTo: data.downTo ?? now.downTo, next: data.next, other: now.other + data.otherNames, error: null, isBusy: !isLast };
        setState(now);
        if (data.next === null) return;
      }
    } catch (error) {
      if (abort.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      setState({ ...now, error, isBusy: false });
    }
  };
  const abort = useRef(new AbortController());
  useEffect(() => {
    abort.current = new AbortController();
    setState(none);
    void go(none, abort.current.signal);
    return () => abort.current.abort();
  }, [source, hours, round]);
  return { ...state, more: () => (state.events ? go(state, abort.current.signal) : setRound((n) => n + 1)) };
}

/** @param {{events: number, next: string | null, isBusy: boolean, downTo: string | null, other: number}} found @param {string} hours */
function looked(found, hours) {
  if (found.isBusy) return found.events ? html`Looking: ${plural(found.events, "event")} so far.` : "Looking.";
  const span = SPANS.find(([value]) => value === hours)?.[1] ?? `${hours} hours`;
  const other = found.other ? ` ${plural(found.other, "event")} of further names are not shown.` : "";
  if (found.next) return html`In the newest ${plural(found.events, "event")} of ${span}, back to <${Time} at=${found.downTo} />.${other}`;
  return `In all ${plural(found.events, "event")} of ${span}.${other}`;
}

/** @param {{found: {events: number}, query: Record<string, string>}} props */
function Nothing({ found, query }) {
  const of = [query.text && `named like “${query.text}”`, query.source && `from ${query.source}`].filter(Boolean).join(" ");
  return html`<${Empty} title=${`No event ${of}`.trim()}><p>${found.events ? `${plural(found.events, "event")} were looked at.` : "None was received in this time."}</p>
    ${Object.keys(query).length > 0 ? html`<a class="button" href="#/names">Clear filters</a>` : html`<a class="button" href="#/sources">Set up a source</a>`}<//>`;
}

/** @param {{name: Name}} props */
function Row({ name }) {
  const title = name.name !== null ? visible(name.name) : (name.outcome === "rejected" ? "rejected messages" : `${name.type} without a name`);
  const outcome = name.outcome === "rejected" ? { outcome: "rejected" } : { name: name.name, type: name.name ? undefined : name.type };
  const mixed = name.paths.filter(isMixed).length;
  return html`<tr data-row>
    <td class="wide name"><a href=${href("/events", { source: name.source, ...outcome })} class=${name.name ? "" : "unnamed"}>${title}</a><div class="muted">${name.type && name.name ? `${name.type}, ` : ""}${name.source}</div></td>
    <td class="number">${count(name.events)}<span class="unit"> ${name.events === 1 ? "event" : "events"}</span></td>
    <td class="wide values">${name.paths.length === 0 ? html`<span class="muted">none</span>` : html`<details><summary>${plural(name.paths.length, "value")}${mixed > 0 && html` <${Badge} outcome="warning" text=${`${mixed} of mixed types`} />`}</summary>
      <dl class="paths">
        ${name.paths.map((path) => html`<div class=${isMixed(path) ? "mixed" : ""}><dt><code>${path.path}</code></dt><dd>${Object.entries(path.types).map(([type, n]) => `${count(n)} ${type}`).join(", ")}</dd></div>`)}</dl>
        ${name.morePaths && html`<p class="muted">There are more: long lists, deep or very large objects are not counted as a whole.</p>`}</details>`}</td>
    <td class="time"><${Time} at=${name.first} /></td><td class="time"><${Time} at=${name.last} /></td>
    <td class="wide"><${Rule} name=${name} /></td></tr>`;
}

/** @param {{name: Name}} props */
function Rule({ name }) {
  const mapping = `/mappings/${encodeURIComponent(name.source)}`;
  if (name.outcome === "rejected") return html`<a href="#/dead">See the causes</a>`;
  if (name.outcome === "unknown") return html`<span class="muted">not known</span>`;
  if (name.outcome === "unmatched") return html`<${Badge} outcome="unmatched" text="no rule" /> <a class="button small" href=${href(mapping, { events: name.newest, requeue: name.newest, insert: suggestedRule(name) })}>Suggest a rule</a>`;
  const link = html`<a href=${href(mapping, { events: name.newest, line: name.ruleLine })}>${name.rule ?? "the mapping"}</a>`;
  if (name.outcome === "dropped") return html`<${Badge} outcome="dropped" /> ${link}`;
  if (name.outcome === "refused") return html`<${Badge} outcome="dead" text="refuses the newest" /> ${link}`;
  return link;
}
