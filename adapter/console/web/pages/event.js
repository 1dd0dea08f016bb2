// One event: its way from the bytes that were received to what Browsee answered, and what can be done now.
import { ApiError, api } from "../api.js";
import { CopyAsTest } from "../as-test.js";
import { ChangeDialog, ask } from "../change.js";
import { Loaded, capitalized, useData } from "../data.js";
import { Time, between, count, duration, plural, visible } from "../format.js";
import { MarkedJson } from "../marked-json.js";
import { href } from "../router.js";
import { StandIn } from "../stand-in.js";
import { subscribe } from "../stream.js";
import { Badge, Button, Card, CopyButton, Empty, JsonView, Page, Table, Words } from "../ui.js";
import { html, useEffect } from "../vendor/preact.js";
import { eventName } from "./events.js";

/** @param {{params: {id: string}}} props */
export default function Event({ params }) {
  const loaded = useData((abort) => api.get("/event", { id: params.id }, abort).catch(nothing), [params.id]);
  const ids = (loaded.data?.found ?? []).map((/** @type {any} */ entry) => entry.id);
  useEffect(() => subscribe({ events: (entries) => entries.some((entry) => ids.includes(entry.id)) && loaded.reload(), resync: loaded.reload }), [ids.join()]);
  const [first] = loaded.data?.found ?? [];
  const isOne = loaded.data?.found.length === 1;
  const title = isOne ? eventName(first) : `Message ${params.id}`;
  return html`<${Page} title=${title} tab=${isOne ? `${title} ${first.id}` : undefined} lead=${isOne ? html`<${Sentence} entry=${first} />` : ""} actions=${isOne ? html`<${Badge} outcome=${first.outcome} />` : ""}>
    <${Loaded} of=${loaded} lines=${8}>${(/** @type {any} */ { found }) =>
      found.length === 0 ? html`<${NotKept} id=${params.id} />` : found.length > 1 ? html`<${Several} found=${found} />` : html`<div class="event"><${WhatNow} entry=${found[0]} reload=${loaded.reload} /><${Way} entry=${found[0]} /><${Facts} entry=${found[0]} /></div>`}<//>
    <${ChangeDialog} />
  <//>`;
}

/** @param {unknown} error */
function nothing(error) {
  if (error instanceof ApiError && error.status === 404) return { found: [] };
  throw error;
}

/** @param {{id: string}} props */
function NotKept({ id }) {
  return html`<${Empty} title="Nothing is kept under this id"><p><code>${id.slice(0, 200)}</code> is not the id of an event, message or rejection that is still kept. Finished events go after <code>retention.history</code>.</p><a href="#/events">All events</a><//>`;
}

/** @param {{found: any[]}} props */
function Several({ found }) {
  return html`<p class="lead">${capitalized(plural(found.length, "event"))} have this message id.</p>
    <${Table} caption="Events with this message id" columns=${[{ title: "Received" }, { title: "Outcome" }, { title: "Event" }, { title: "Source" }]}>
      ${found.map((entry) => html`<tr data-row><td class="time"><${Time} at=${entry.receivedAt} /></td><td><${Badge} outcome=${entry.outcome} /></td><td><a href=${href(`/events/${entry.id}`)}>${eventName(entry)}</a></td><td>${entry.source}</td></tr>`)}<//>`;
}

/** @param {{entry: any}} props */
function Sentence({ entry }) {
  const took = entry.endedAt ? ` ${duration(Math.max(0, between(entry.receivedAt, entry.endedAt)))} after it was received` : "";
  const of = entry.userId ?? entry.anonymousId;
  return html`${of ? html`Of <strong>${visible(of)}</strong>, from` : "From"} <strong>${entry.source}</strong>, ${entry.outcome}${took}.`;
}

// -- the way ---------------------------------------------------------------------------------------------------------

/** @param {{entry: any}} props */
function Way({ entry }) {
  if (entry.outcome === "rejected") return html`<ol class="way"><${Received} entry=${entry} /><${Rejected} entry=${entry} /></ol>`;
  const calls = entry.mapped?.calls ?? [];
  return html`<ol class="way">
    <${Received} entry=${entry} /><${ReadAs} entry=${entry} /><${Waited} entry=${entry} /><${MappedBy} entry=${entry} />
    ${calls.map((/** @type {any} */ call, /** @type {number} */ index) => html`<${Call} key=${call.key} entry=${entry} call=${call} n=${index + 1} />`)}
    <${End} entry=${entry} />
  </ol>`;
}

/** @param {{title: any, tone?: string, aside?: any, children?: any}} props */
function Step({ title, tone = "", aside, children }) {
  return html`<li class="step ${tone}"><div class="step-head"><h2>${title}</h2>${aside && html`<span class="muted">${aside}</span>`}</div>${children}</li>`;
}

/** @param {{entry: any}} props */
function Received({ entry }) {
  const body = entry.outcome === "rejected" ? entry.body : entry.message;
  const withheld = entry.withheld ? "Its source stores privately: only its size and a hash were kept." : entry.guards ? `What privacy left of it: ${entry.guards.join(", ") || "no guard applied"}.` : "";
  return html`<${Step} title="Received" aside=${html`<${Time} at=${entry.receivedAt} millis />`} tone="done">
    <p class="muted">${entry.deleted ? "Its user's data was deleted." : `Stored on disk before the sender was answered. ${withheld}`}</p>
    ${!entry.deleted && html`<details><summary>Message</summary><${JsonView} value=${body} name=${`message-${entry.id}`} label=${entry.outcome === "rejected" ? "Body as received" : "Message"} /></details>`}
  <//>`;
}

/** @param {{entry: any}} props */
function ReadAs({ entry }) {
  return html`<${Step} title="Read" tone="done"><dl class="facts">
    <dt>Type</dt><dd>${entry.type}</dd>
    <dt>User</dt><dd>${entry.userId ? visible(entry.userId) : html`<span class="muted">none</span>`}</dd>
    ${entry.anonymousId && html`<dt>Anonymous id</dt><dd>${visible(entry.anonymousId)}</dd>`}
    ${entry.timestamp && html`<dt>Time</dt><dd><${Time} at=${entry.timestamp} millis /> ${entry.timestampFrom === "received" ? html`<span class="muted">(the message names none: when it was received)</span>` : ""}</dd>`}
  </dl><${Warnings} warnings=${(entry.warnings ?? []).filter((/** @type {any} */ warning) => !warning.rule)} /><//>`;
}

/** @param {{warnings: any[]}} props */
function Warnings({ warnings }) {
  return warnings.length > 0 && html`<ul class="warnings">${warnings.map((warning) => html`<li><${Badge} outcome="warning" text="warning" /> ${warning.rule ? html`rule <strong>${warning.rule}</strong>, ` : ""}<code>${warning.field}</code>: <${Words} text=${warning.cause} /></li>`)}</ul>`;
}

/** @param {{entry: any}} props */
function Rejected({ entry }) {
  return html`<${Step} title="Rejected" tone="failed"><p>It does not fit its schema, so it never became an event.</p>
    <ul class="problems">${entry.problems.map((/** @type {any} */ problem) => html`<li>${problem.pointer ? html`<code>${problem.pointer}</code> ` : ""}${problem.message}</li>`)}</ul>
    ${!entry.withheld && html`<${MarkedJson} body=${entry.body} problems=${entry.problems} />`}<//>`;
}

/** @param {{entry: any}} props */
function Waited({ entry }) {
  if (entry.outcome !== "pending") return null;
  const failures = entry.failures ?? [];
  let why = "It is sent as soon as the rate allows.";
  if (entry.waitsFor) why = capitalized(entry.waitsFor);
  else if (entry.ahead > 0) why = `${capitalized(plural(entry.ahead, "earlier event"))} of this user must end first.`;
  else if (entry.parked) why = "It stands aside until Browsee takes calls of its kind again.";
  else if (entry.attempts > 0) why = `It failed ${plural(entry.attempts, "time")} and is tried again`;
  return html`<${Step} title="Waiting" tone="active"><p><${Words} text=${why} />${entry.attempts > 0 && !entry.waitsFor && entry.ahead === 0 && entry.dueAt ? html` at <${Time} at=${entry.dueAt} />.` : ""}
      ${entry.blockedBy && html` <a href=${href(`/events/${entry.blockedBy}`)}>Open the first of them</a>.`}</p>
    ${entry.lastFailure && failures.length === 0 && html`<p>Last failure: ${entry.lastFailure}</p>`}<${Failures} failures=${failures.filter((/** @type {any} */ failure) => !failure.call)} /><//>`;
}

/** @param {{failures: any[]}} props */
function Failures({ failures }) {
  return failures.length > 0 && html`<${Table} caption="Failed attempts" columns=${[{ title: "Time" }, { title: "Answer" }, { title: "Cause" }, { title: "Took", class: "number" }]}>
    ${failures.map((failure) => html`<tr><td class="time"><${Time} at=${failure.at} millis /></td><td>${failure.status ?? "none"}</td><td>${failure.cause}</td><td class="number">${failure.ms === null ? "" : duration(failure.ms / 1000)}</td></tr>`)}<//>`;
}

/** @param {{entry: any}} props */
function MappedBy({ entry }) {
  const mapped = entry.mapped;
  const by = html`<p class="muted">${capitalized(entry.mappingSource)}.</p>`;
  if (!mapped) return html`<${Step} title="Not mapped">${by}<//>`;
  const warnings = html`<${Warnings} warnings=${mapped.warnings} />`;
  const rule = mapped.rule || entry.rule || mapped.calls?.[0]?.rule;
  const link = rule && html`<a href=${href(`/mappings/${encodeURIComponent(entry.source)}`, { events: entry.id, line: entry.ruleLine })}>${rule}</a>`;
  const line = entry.file && entry.ruleLine ? html`<p><code>${entry.file}:${entry.ruleLine}</code></p>` : "";
  if (mapped.outcome === "sent") return html`<${Step} title=${html`Mapped by ${link || "no rule"}`} tone="done">${line}${by}${warnings}<//>`;
  if (mapped.outcome === "dropped") return html`<${Step} title=${html`Dropped by ${link || "the mapping"}`} tone="done">${line}<p>${capitalized(mapped.text || mapped.reason)}</p>${by}${warnings}<//>`;
  if (mapped.outcome === "unmatched") return html`<${Step} title="No rule takes it" tone="odd"><p><${Words} text=${mapped.hint ?? ""} /></p>${by}${warnings}<//>`;
  return html`<${Step} title=${html`Refused by ${link}`} tone="failed">${line}<ul class="problems">${mapped.problems.map((/** @type {any} */ problem) => html`<li><code>${problem.pointer}</code> <${Words} text=${problem.message} /></li>`)}</ul>${by}${warnings}<//>`;
}

/** @param {{entry: any, call: any, n: number}} props */
function Call({ entry, call, n }) {
  const isDelivered = entry.outcome === "delivered" || entry.deliveredCalls.includes(call.key);
  const state = isDelivered ? "delivered" : entry.outcome === "pending" ? "not sent yet" : "not delivered";
  const failures = (entry.failures ?? []).filter((/** @type {any} */ failure) => failure.call === call.key);
  return html`<${Step} title=${`Call ${n}: ${call.kind} ${call.body.event ?? ""}`} aside=${state} tone=${isDelivered ? "done" : entry.outcome === "dead" ? "failed" : "active"}>
    <details open=${n === 1}><summary>What Browsee gets</summary><${JsonView} value=${call.body} name=${`call-${entry.id}-${n}`} label=${`Call ${n}`} /></details><${Failures} failures=${failures} /><${StandIn} entry=${entry} call=${call} /><//>`;
}

/** @param {{entry: any}} props */
function End({ entry }) {
  if (entry.outcome === "pending") return null;
  const tone = { delivered: "done", dropped: "done", unmatched: "odd", dead: "failed" }[/** @type {"dead"} */ (entry.outcome)];
  return html`<${Step} title=${capitalized(entry.outcome)} tone=${tone} aside=${html`<${Time} at=${entry.endedAt} millis />`}>
    ${entry.outcome !== "delivered" && entry.cause && html`<p><${Words} text=${capitalized(entry.cause)} /></p>`}
    ${entry.keptUntil && html`<p class="muted">Kept until <${Time} at=${entry.keptUntil} />.</p>`}<//>`;
}

// -- what now --------------------------------------------------------------------------------------------------------

/** @param {{entry: any, reload: () => void}} props */
function WhatNow({ entry, reload }) {
  const isRejected = entry.outcome === "rejected";
  const user = entry.userId ?? entry.anonymousId;
  const canRequeue = ["dead", "rejected", "unmatched"].includes(entry.outcome);
  const mapping = href(`/mappings/${encodeURIComponent(entry.source)}`, { events: entry.id, requeue: canRequeue ? entry.id : "", line: entry.ruleLine });
  const needsFix = entry.mapped && entry.mapped.outcome !== "sent" && entry.mapped.outcome !== "dropped";
  const which = { ids: [entry.id] };
  return html`<${Card} title="What now" class="what-now"><div class="stack-actions">
      ${needsFix && html`<a class="button primary" href=${mapping}>${entry.outcome === "unmatched" ? "Write a rule for it" : "Fix the mapping with it"}</a>`}
      ${canRequeue && html`<${Button} primary=${!needsFix} onClick=${() => ask({ kind: "requeue", which, about: isRejected ? "The message is read again." : "This event.", done: reload })}>${isRejected ? "Read again…" : "Requeue…"}<//>`}
      ${!isRejected && !needsFix && html`<a class="button" href=${mapping}>Try it in the mapping</a>`}
      ${!isRejected && user && html`<a class="button" href=${href(`/users/${encodeURIComponent(user)}`)}>All events of this user</a>`}
      ${!isRejected && !entry.deleted && html`<${CopyAsTest} entry=${entry} />`}
      ${!entry.deleted && html`<${CopyButton} label="Copy the message" text=${() => (isRejected ? entry.body : JSON.stringify(entry.message, null, 2))} />`}
      ${(entry.outcome === "dead" || isRejected) && html`<${Button} danger onClick=${() => ask({ kind: "discard", which, about: "This event.", done: reload })}>Discard…<//>`}
    </div><//>`;
}

/** @param {{entry: any}} props */
function Facts({ entry }) {
  const isRejected = entry.outcome === "rejected";
  return html`<${Card} title="Facts" class="event-facts"><dl class="facts">
      <dt>Event id</dt><dd class="mono">${entry.id}</dd><dt>Message id</dt><dd class="mono">${entry.messageId ?? "none"}</dd><dt>Source</dt><dd>${entry.source}</dd>
      ${entry.mapping && html`<dt>Mapping</dt><dd class="mono">${entry.mapping}</dd>`}
      ${entry.traceId && html`<dt>Trace</dt><dd class="mono">${entry.traceId}</dd>`}
      ${!isRejected && html`<dt>Delivered calls</dt><dd>${entry.outcome === "delivered" ? count(entry.mapped?.calls?.length ?? 0) : count(entry.deliveredCalls.length)}</dd>`}
      ${!isRejected && !entry.deleted && html`<${Neighbours} entry=${entry} />`}
    </dl><//>`;
}

const NEAR = 200;

/** The events before and after this one, of its user and source. @param {{entry: any}} props */
function Neighbours({ entry }) {
  const of = { user: entry.userId ?? entry.anonymousId, source: entry.source };
  const found = useData(async (abort) => {
    if (!of.user || of.user.length > 500) return null;
    const [before, after] = await Promise.all([
      api.get("/events", { ...of, until: entry.receivedAt, limit: 1 }, abort),
      api.get("/events", { ...of, since: entry.receivedAt, limit: NEAR }, abort),
    ]);
    // Newest first; those of the same millisecond are in `after`, and rejections have no place in a lane.
    const near = [...after.entries, ...before.entries].filter((/** @type {any} */ each) => each.outcome !== "rejected");
    const later = near.filter((/** @type {any} */ each) => Number(each.id) > Number(entry.id)).at(-1);
    return {
      earlier: near.find((/** @type {any} */ each) => Number(each.id) < Number(entry.id)),
      later: after.next === null ? later : undefined,
      isMoreBefore: before.next !== null,
      isMoreAfter: after.next !== null,
    };
  }, [entry.id]);
  if (!found.data) return null;
  const link = (/** @type {any} */ each, /** @type {boolean} */ isMore, /** @type {any} */ time) => {
    if (each) return html`<a href=${href(`/events/${each.id}`)}>${eventName(each)}</a>`;
    return isMore ? html`<a href=${href("/events", { ...of, ...time })}>List them</a>` : "none";
  };
  const { earlier, later, isMoreBefore, isMoreAfter } = found.data;
  return html`<dt>Earlier of this user</dt><dd>${link(earlier, isMoreBefore, { until: entry.receivedAt })}</dd>
    <dt>Later of this user</dt><dd>${link(later, isMoreAfter, { since: entry.receivedAt })}</dd>`;
}
