// The timeline of a user: calls in order with the time between, and what was dropped, failed or waits in between.
import { api } from "../api.js";
import { Loaded, useData } from "../data.js";
import { Time, between, duration, plural, visible } from "../format.js";
import { href } from "../router.js";
import { subscribe } from "../stream.js";
import { Badge, Button, Empty, JsonView, Page, Words } from "../ui.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { eventName } from "./events.js";

const PAGE = 100;
const SESSION_S = 1800;
const TONES = /** @type {Record<string, string>} */ ({ delivered: "done", dropped: "", unmatched: "odd", dead: "failed", pending: "active" });

/** @param {{params: {id: string}}} props */
export default function User({ params }) {
  const [pages, setPages] = useState(1);
  const loaded = useData((abort) => newest(params.id, pages, abort), [params.id, pages]);
  useEffect(() => subscribe({
    events: (entries) => entries.some((entry) => entry.userId === params.id || entry.anonymousId === params.id) && loaded.reload(),
    resync: loaded.reload,
  }), [params.id]);
  const found = loaded.data?.entries;
  return html`<${Page} title=${visible(params.id)} tab=${`User ${visible(params.id.slice(0, 100))}`} lead=${found ? lead(found) : "Timeline of a user"}
      actions=${html`<a class="button" href=${href("/events", { user: params.id })}>Show in events</a>`}>
    <${Loaded} of=${loaded} lines=${8}>${(/** @type {{entries: any[], next: string | null}} */ { entries, next }) =>
      entries.length === 0 && !next
        ? html`<${Empty} title="No event of this user is kept"><p>Finished events go after <code>retention.history</code>.</p><a href="#/events">All events</a><//>`
        : html`${next && html`<p class="older"><${Button} disabled=${loaded.loading} onClick=${() => setPages(pages + 1)}>${loaded.loading ? "Looking" : "Earlier events"}<//></p>`}
            <${Timeline} entries=${entries} />`}<//>
  <//>`;
}

/** @param {any[]} entries */
function lead(entries) {
  const calls = entries.flatMap((entry) => entry.calls ?? []);
  const sent = calls.filter((call) => call.delivered).length;
  return `Timeline: ${plural(entries.length, "event")}, ${plural(sent, "call")} delivered. The oldest is on top.`;
}

/** The newest pages, oldest event first. @param {string} user @param {number} pages @param {AbortSignal} abort */
async function newest(user, pages, abort) {
  /** @type {any[]} */
  const entries = [];
  let next = /** @type {string | null} */ (null);
  for (let page = 0; page < pages; page += 1) {
    const found = await api.get("/events", { user, mapped: "true", limit: PAGE, before: next }, abort);
    entries.push(...found.entries);
    next = found.next;
    if (!next) break;
  }
  return { entries: entries.reverse(), next };
}

/** @param {{entries: any[]}} props */
function Timeline({ entries }) {
  const isOfSeveral = new Set(entries.map((entry) => entry.source)).size > 1;
  return html`<ol class="way timeline">${entries.map((entry, index) => html`
    ${index > 0 && html`<${Gap} seconds=${between(at(entries[index - 1]), at(entry))} />`}
    <${Entry} key=${entry.id} entry=${entry} source=${isOfSeveral ? entry.source : ""} />`)}</ol>`;
}

/** When Browsee places it. @param {any} entry @returns {string} */
const at = (entry) => entry.timestamp ?? entry.receivedAt;

/** @param {{seconds: number}} props */
function Gap({ seconds }) {
  if (seconds < 0) return html`<li class="gap odd">${duration(-seconds)} before the event above</li>`;
  return html`<li class="gap ${seconds > SESSION_S ? "long" : ""}">${duration(seconds)} later</li>`;
}

/** @param {{entry: any, source: string}} props */
function Entry({ entry, source }) {
  const calls = entry.calls ?? [];
  const why = entry.outcome === "pending" ? entry.waitsFor ?? "It waits for its turn." : entry.outcome === "delivered" ? "" : entry.cause ?? "No rule takes it.";
  return html`<li data-row class="step ${TONES[entry.outcome] ?? ""}">
    <div class="step-head"><h2><a href=${href(`/events/${entry.id}`)}>${eventName(entry)}</a></h2><${Badge} outcome=${entry.outcome} />
      <span class="muted"><${Time} at=${at(entry)} millis />${source && ` from ${source}`}</span></div>
    ${why && html`<p class="muted"><${Words} text=${why} /></p>`}
    ${calls.map((/** @type {any} */ call, /** @type {number} */ index) => html`<details key=${call.key}>
      <summary><span class="call">${call.kind} <strong>${call.name ?? call.body.event ?? ""}</strong></span> <span class="muted">${call.delivered ? "delivered" : entry.outcome === "pending" ? "not sent yet" : "not delivered"}</span></summary>
      <${JsonView} value=${call.body} name=${`call-${entry.id}-${index + 1}`} label=${`What Browsee gets: ${call.kind} ${call.name ?? call.body.event ?? ""}`} /></details>`)}
  </li>`;
}
