// Whose data platforms asked to delete, and deleting a user's data by hand.
import { api } from "../api.js";
import { Failure, Loaded, useAction, useData } from "../data.js";
import { Time, count, plural } from "../format.js";
import { navigate } from "../router.js";
import { Badge, Banner, Button, Dialog, Empty, Field, Page, Table } from "../ui.js";
import { html, useState } from "../vendor/preact.js";

/** @param {{query: Record<string, string>}} props */
export default function Deletions({ query }) {
  const requests = useData((abort) => api.get("/deletions", { user: query.user, limit: 200 }, abort), [query.user]);
  const [isOpen, setOpen] = useState(false);
  return html`<${Page} title="Deletions" lead="Requests of platforms to delete a user's data, newest first. What Browsee has received is Browsee's to delete."
      actions=${html`<${Button} danger onClick=${() => setOpen(true)}>Delete a user's data…<//>`}>
    ${(query.user || (requests.data?.deletions.length ?? 0) > 0) && html`<form class="filters" role="search" onSubmit=${(/** @type {any} */ event) => (event.preventDefault(), navigate("/deletions", { user: event.target.elements.user.value.trim() }))}>
      <${Field} label="User id in the request">${(/** @type {string} */ id) => html`<input id=${id} name="user" data-search placeholder="any" defaultValue=${query.user ?? ""} key=${query.user} />`}<//>
      ${query.user && html`<${Button} quiet onClick=${() => navigate("/deletions")}>Clear<//>`}
    </form>`}
    <${Loaded} of=${requests}>
      ${(/** @type {any} */ { deletions }) => (deletions.length === 0 ? html`<${Empty} title=${query.user ? "No request for this user" : "No platform has asked to delete anybody's data"} />`
      : html`<${Table} narrow caption="Deletion requests"
        columns=${[{ title: "Received" }, { title: "User" }, { title: "Source" }, { title: "State" }, { title: "Events", class: "number" }, { title: "Rejections", class: "number" }]}>
      ${deletions.map((/** @type {any} */ request) => html`<tr data-row><td class="time"><${Time} at=${request.receivedAt} /></td><td class="clip wide">${request.userId}</td><td>${request.source}</td>
        <td>${request.doneAt ? html`<${Badge} outcome="ok" text="done" /> <${Time} at=${request.doneAt} />` : html`<${Badge} outcome="pending" text="waiting" />`}</td>
        <td class="number">${count(request.events)}</td><td class="number">${count(request.rejections)}</td></tr>`)}<//>`)}<//>
    <${DeleteUser} open=${isOpen} close=${() => (setOpen(false), requests.reload())} />
  <//>`;
}

const NOBODY = { user: "", chosen: /** @type {any} */ (null), typed: "", result: /** @type {any} */ (null) };

/** @param {{open: boolean, close: () => void}} props */
function DeleteUser({ open, close }) {
  const [state, setState] = useState(NOBODY);
  const { error, isBusy, run: act, clear } = useAction();
  const set = (/** @type {Partial<typeof state>} */ more) => setState((now) => ({ ...now, ...more }));
  const end = () => (setState(NOBODY), clear(), close());
  const run = (/** @type {boolean} */ dryRun) => act(async () => {
    const { user } = state;
    const answer = await api.post("/purge", { user, dryRun });
    // A number of another user is none of this one.
    setState((now) => (dryRun && now.user !== user ? now : { ...now, ...(dryRun ? { chosen: answer.chosen } : { result: answer }) }));
  });
  const n = state.chosen ? state.chosen.events + state.chosen.rejections : 0;
  const actions = state.result
    ? html`<${Button} primary onClick=${end}>Done<//>`
    : state.chosen
      ? html`<${Button} onClick=${end}>Keep it<//><${Button} danger disabled=${isBusy || n === 0 || state.typed !== state.user} onClick=${() => run(false)}>Delete ${plural(n, "event")}<//>`
      : html`<${Button} primary disabled=${isBusy || !state.user} onClick=${() => run(true)}>Count<//>`;
  return html`<${Dialog} title="Delete a user's data" open=${open} onClose=${end} actions=${actions}>
    ${state.result
      ? html`<${Banner} tone="success">Deleted: <strong>${plural(state.result.events, "event")}</strong> and ${plural(state.result.rejections, "rejection")}. ${erased(state.result.erasedFromDisk)}<//>`
      : html`<p>Bodies and ids leave events that are pending, dead or in the history; rejections go. Files of mappings and what Browsee has received are not reached.</p>
        <${Field} label="User id or anonymous id, as it stands in events">${(/** @type {string} */ id) => html`<input id=${id} value=${state.user} autocomplete="off" onInput=${(/** @type {any} */ event) => set({ user: event.target.value, chosen: null })} />`}<//>
        ${state.chosen && (n === 0 ? html`<p>Nothing is kept of this user.</p>` : html`<p><strong>${plural(state.chosen.events, "event")}</strong> and ${plural(state.chosen.rejections, "rejection")} would lose their data.</p>
          <${Field} label="Type the user id to confirm">${(/** @type {string} */ id) => html`<input id=${id} autocomplete="off" value=${state.typed} onInput=${(/** @type {any} */ event) => set({ typed: event.target.value })} />`}<//>`)}
        ${error && html`<${Failure} error=${error} />`}`}
  <//>`;
}

/** @param {boolean | null} fromDisk */
function erased(fromDisk) {
  if (fromDisk === null) return "PostgreSQL keeps copies until it vacuums its tables, and in its log and backups.";
  return fromDisk ? "Overwritten on disk too." : "The log on disk still holds them until it is next emptied.";
}
