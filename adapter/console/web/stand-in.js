// The sandbox's stand-in for Browsee: what it answered to a call of an event.
import { api, session } from "./api.js";
import { Loaded, useData } from "./data.js";
import { Time } from "./format.js";
import { Badge, Table } from "./ui.js";
import { html } from "./vendor/preact.js";

const COLUMNS = [{ title: "Time" }, { title: "Answer" }, { title: "Says" }];

/** Nothing outside the sandbox. @param {{entry: any, call: any}} props */
export function StandIn({ entry, call }) {
  return session.value?.sandbox ? html`<${Answers} entry=${entry} call=${call} />` : null;
}

/** @param {{entry: any, call: any}} props */
function Answers({ entry, call }) {
  const body = canonical(call.body);
  const user = call.body.userId || call.body.anonymousId;
  const loaded = useData(
    (abort) => api.get("/sandbox/calls", { user: String(user).slice(0, 500), event: call.body.event, limit: 200 }, abort),
    [body, entry.outcome, entry.attempts],
  );
  return html`<h3>What the stand-in answered</h3><${Loaded} of=${loaded} lines=${1}>${(/** @type {any} */ data) => {
    const answers = data.calls.filter((/** @type {any} */ each) => canonical(each.body) === body);
    if (answers.length === 0) return html`<p class="muted">Nothing: it has not got this call, or its calls were cleared.</p>`;
    return html`<${Table} caption="What the stand-in answered" columns=${COLUMNS}>${answers.map(
      (/** @type {any} */ each) => html`<tr><td class="time"><${Time} at=${each.at} millis /></td>
        <td><${Badge} outcome=${each.status === 200 ? "delivered" : "dead"} text=${each.status ?? "connection closed"} /></td><td>${each.message ?? "success"}</td></tr>`,
    )}<//>`;
  }}<//>`;
}

/** JSON with sorted names, to compare by. @param {any} value @returns {string} */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
}
