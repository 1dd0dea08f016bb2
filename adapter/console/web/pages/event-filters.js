// The filters of the list of events; all of them are in the address.
import { ApiError, api } from "../api.js";
import { localInstant } from "../format.js";
import { navigate } from "../router.js";
import { summary } from "../stream.js";
import { Button, Field } from "../ui.js";
import { html, useState } from "../vendor/preact.js";

const OUTCOMES = ["pending", "delivered", "dropped", "unmatched", "dead", "rejected"];
export const SPANS = [["", "All kept"], ["1h", "Last hour"], ["24h", "Last 24 hours"], ["7d", "Last 7 days"]];
const SPAN_MS = /** @type {Record<string, number>} */ ({ "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 });
const CUSTOM = "custom";
/** Filters that the service applies; `span` becomes `since`, `who` an id or a user. */
const FILTERS = ["outcome", "source", "name", "type", "user", "cause", "exact", "rule", "since", "until"];

/** The query of the API. @param {Record<string, string>} query */
export function serverFilters(query) {
  const found = Object.fromEntries(FILTERS.filter((name) => query[name]).map((name) => [name, query[name]]));
  const span = SPAN_MS[query.span ?? ""];
  return span ? { ...found, since: new Date(Date.now() - span).toISOString() } : found;
}

/** Whether an event that is new belongs to the list; with an exact cause only the service knows whether it has that one. @param {any} entry @param {Record<string, string>} query */
export function isWanted(entry, query) {
  const at = Date.parse(entry.receivedAt);
  return (!query.outcome || entry.outcome === query.outcome)
    && (!query.source || entry.source === query.source)
    && (!query.name || entry.event === query.name)
    && (!query.type || entry.type === query.type)
    && (!query.user || entry.userId === query.user || entry.anonymousId === query.user)
    && (!query.cause || Boolean(entry.cause && (query.exact || entry.cause.includes(query.cause))))
    && (!query.rule || entry.rule === query.rule)
    && !(query.since && at < Date.parse(query.since))
    && !(query.until && at >= Date.parse(query.until));
}

/** @returns {string[]} */
export const sourceNames = () => [...new Set((summary.value?.mapping_files ?? []).map((/** @type {any} */ file) => file.source))];

/** @param {{query: Record<string, string>}} props */
export function Filters({ query }) {
  const set = (/** @type {Record<string, string>} */ more) => navigate("/events", { ...query, ...more });
  const sources = sourceNames();
  const search = (/** @type {any} */ event) => {
    event.preventDefault();
    const text = event.target.elements.who.value.trim();
    if (text) find(text).then((id) => (id ? navigate(`/events/${encodeURIComponent(text)}`) : set({ user: text })));
    else set({ user: "" });
  };
  const choose = (/** @type {string} */ name, /** @type {any[]} */ choices) => (/** @type {string} */ id) =>
    html`<select id=${id} value=${query[name] ?? ""} onChange=${(/** @type {any} */ event) => set({ [name]: event.target.value })}>
      ${choices.map(([value, text]) => html`<option value=${value} selected=${(query[name] ?? "") === value}>${text}</option>`)}</select>`;
  return html`<div class="filters">
    <${Field} label="Outcome">${choose("outcome", [["", "Any"], ...OUTCOMES.map((word) => [word, word])])}<//>
    ${sources.length > 1 && html`<${Field} label="Source">${choose("source", [["", "Any"], ...sources.map((name) => [name, name])])}<//>`}
    <${Span} query=${query} set=${set} />
    <${NameFilter} query=${query} set=${set} />
    <form onSubmit=${search} role="search"><${Field} label="User, message id or event id">${(/** @type {string} */ id) =>
      html`<input id=${id} name="who" data-search key=${query.user} defaultValue=${query.user ?? ""} />`}<//></form>
    ${Object.keys(query).length > 0 && html`<${Button} quiet onClick=${() => navigate("/events")}>Clear filters<//>`}
    ${["type", "cause", "rule"].map((name) => query[name] && html`<p class="chip">${name}: <strong>${query[name]}</strong>
      <${Button} quiet aria-label="Remove the filter ${name}" onClick=${() => set({ [name]: "", ...(name === "cause" && { exact: "" }) })}>✕<//></p>`)}
  </div>`;
}

/** @typedef {{query: Record<string, string>, set: (more: Record<string, string>) => void}} FilterProps */

/** The time of receipt: a span that ends now, or any two instants. @param {FilterProps} props */
function Span({ query, set }) {
  const isCustom = Boolean(query.span === CUSTOM || query.since || query.until);
  const value = isCustom ? CUSTOM : query.span ?? "";
  const choose = (/** @type {any} */ event) => {
    const span = event.target.value;
    // A span in force becomes the instant at which it began.
    if (span === CUSTOM) set({ span, since: serverFilters(query).since ?? "" });
    else set({ span, since: "", until: "" });
  };
  const instant = (/** @type {string} */ name, /** @type {string} */ label) => html`<${Field} label=${label}>${(/** @type {string} */ id) =>
    html`<input id=${id} type="datetime-local" step="1" key=${query[name]} defaultValue=${localInstant(query[name])}
      onChange=${(/** @type {any} */ event) => set({ [name]: event.target.value && new Date(event.target.value).toISOString() })} />`}<//>`;
  return html`<${Field} label="Received">${(/** @type {string} */ id) => html`<select id=${id} value=${value} onChange=${choose}>
      ${[...SPANS, [CUSTOM, "Since … until …"]].map(([each, text]) => html`<option value=${each} selected=${value === each}>${text}</option>`)}</select>`}<//>
    ${isCustom && html`${instant("since", "Since")}${instant("until", "Until")}`}`;
}

/** A name as it was sent; those seen last are offered, asked for when the field is used. @param {FilterProps} props */
function NameFilter({ query, set }) {
  const [names, setNames] = useState(/** @type {string[] | null} */ (null));
  const offer = async () => {
    if (names) return;
    setNames([]);
    try {
      const seen = await api.get("/names", { source: query.source });
      setNames([...new Set(seen.names.map((each) => each.name ?? ""))].filter(Boolean).sort());
    } catch (error) {
      // Offers help; the field works without them.
      if (!(error instanceof ApiError)) throw error;
    }
  };
  const submit = (/** @type {any} */ event) => (event.preventDefault(), set({ name: event.target.elements.name.value.trim() }));
  return html`<form onSubmit=${submit}><${Field} label="Event name">${(/** @type {string} */ id) => html`
    <input id=${id} name="name" list="${id}-names" autocomplete="off" key=${query.name} defaultValue=${query.name ?? ""}
      placeholder="Order Completed" onFocus=${offer} />
    <datalist id="${id}-names">${(names ?? []).map((name) => html`<option value=${name}></option>`)}</datalist>`}<//></form>`;
}

/** Whether something is kept under an event id or a message id; users may have numbers for ids too. @param {string} text */
async function find(text) {
  try {
    return (await api.get("/where", { id: text })).found.length > 0;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 400)) return false;
    throw error;
  }
}
