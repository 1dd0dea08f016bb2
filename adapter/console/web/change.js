// Changes of many events: requeue and discard. A dialog says how many first; discarding needs the number typed.
import { api } from "./api.js";
import { Failure, Loaded, useAction, useData, useReload } from "./data.js";
import { count, plural } from "./format.js";
import { Outcomes, toWatch } from "./requeued.js";
import { Banner, Button, Dialog, Table, TypedNumber } from "./ui.js";
import { html, signal, useEffect, useState } from "./vendor/preact.js";

/**
 * What is to be changed. `which` selects as the API does: `{ids}`, `{cause}`, `{all: true}` or `{unmatched: true}`.
 * @typedef {{kind: "requeue" | "discard", which: Record<string, any>, about: any, done?: () => void}} Change
 */

const STREAM_TURNS_MS = 2000;

const asked = signal(/** @type {Change | null} */ (null));

/** Opens the dialog of a change. @param {Change} change */
export function ask(change) {
  asked.value = change;
}

/** The dialog; a page that changes events has one. */
export function ChangeDialog() {
  const change = asked.value;
  const close = () => (asked.value = null);
  // It belongs to the page that opened it.
  useEffect(() => close, []);
  if (!change) return null;
  return html`<${change.kind === "requeue" ? Requeue : Discard} key=${JSON.stringify(change.which)} change=${change} close=${close} />`;
}

/** @param {string} path @param {Record<string, any>} body */
function useChange(path, body) {
  const isRequeue = path === "/dead/requeue";
  const preview = useData((abort) => api.post(path, { ...body, dryRun: true, ...(isRequeue ? { preview: true } : {}) }, {}, abort), [path]);
  const [watched, setWatched] = useState(/** @type {import("./requeued.js").Watched | null} */ (null));
  const [result, setResult] = useState(/** @type {any} */ (null));
  const { error, isBusy, run: act } = useAction();
  const run = (more = /** @type {Record<string, any>} */ ({})) => act(async () => {
    if (isRequeue) setWatched(await toWatch(body));
    setResult(await api.post(path, { ...body, ...more }));
  });
  useReload(preview.reload, [error?.code === "count_changed" && error]);
  return { preview, result, error, isBusy, run, watched };
}

/** @param {{change: Change, close: () => void}} props */
function Requeue({ change, close }) {
  const { preview, result, error, isBusy, run, watched } = useChange("/dead/requeue", change.which);
  const end = () => {
    close();
    if (!result || !change.done) return;
    const { done } = change;
    done();
    // Events that end before the stream's next turn are not in its news. A page that was left is not called back.
    const page = location.hash;
    setTimeout(() => location.hash === page && done(), STREAM_TURNS_MS);
  };
  const chosen = preview.data?.chosen;
  const n = chosen ? chosen.events + chosen.rejections : 0;
  const actions = result
    ? html`<${Button} primary onClick=${end}>Done<//>`
    : html`<${Button} onClick=${close}>Not yet<//><${Button} primary disabled=${isBusy || n === 0} onClick=${() => run()}>${isBusy ? "Requeueing" : `Requeue ${chosen ? count(n) : ""}`}<//>`;
  return html`<${Dialog} title="Requeue" open onClose=${end} actions=${actions}>
    ${result
      ? html`<${Requeued} result=${result} />${watched && html`<${Outcomes} watched=${watched} />`}`
      : html`<p>${change.about}</p>
          <${Loaded} of=${preview} lines=${1}>${() => html`<p><strong>${plural(n, "event")}</strong> will be pending again, behind live traffic and in order for each user. The active mapping decides what is sent. Calls already delivered are not repeated.</p>
            <${Would} would=${preview.data?.would} n=${chosen?.events ?? 0} />
            ${preview.data?.missing?.length ? html`<p class="muted">${plural(preview.data.missing.length, "event")} of the selection can no longer be requeued.</p>` : ""}`}<//>
          ${error && html`<${Failure} error=${error} />`}`}
  <//>`;
}

/** The result of a preview. @param {{would: any, n: number}} props */
function Would({ would, n }) {
  if (!would || would.looked === 0) return null;
  const said = [
    [would.sent, "would be sent"], [would.refused, "still refused"], [would.dropped, "dropped"], [would.unmatched, "taken by no rule"],
  ].filter(([n]) => n > 0);
  return html`<${Banner} tone=${would.refused + would.unmatched ? "warning" : "success"}>By the active mapping: <strong>${said.map(([n, what]) => `${count(n)} ${what}`).join(", ") || "nothing"}</strong>
    ${would.looked < n ? ` of the oldest ${count(would.looked)}` : ""}.<//>`;
}

/** @param {{result: any}} props */
function Requeued({ result }) {
  return html`<${Banner} tone="success"><strong>${plural(result.events + result.rejections, "event")}</strong> requeued. ${result.duplicates ? `${plural(result.duplicates, "duplicate")} of events already stored.` : ""}<//>
    ${result.stillRejected.length > 0 && html`<p>These rejections still do not fit:</p><${Table} caption="Still rejected" columns=${[{ title: "Count", class: "number" }, { title: "Cause" }]}>
      ${result.stillRejected.map((/** @type {any} */ still) => html`<tr><td class="number">${count(still.count)}</td><td>${still.cause}</td></tr>`)}<//>`}`;
}

/** @param {{change: Change, close: () => void}} props */
function Discard({ change, close }) {
  const { preview, result, error, isBusy, run } = useChange("/dead/discard", change.which);
  const [typed, setTyped] = useState(0);
  const end = () => (close(), result && change.done?.());
  const chosen = preview.data?.chosen;
  const n = chosen ? chosen.events + chosen.rejections : 0;
  const actions = result
    ? html`<${Button} primary onClick=${end}>Done<//>`
    : html`<${Button} onClick=${close}>Keep them<//><${Button} danger disabled=${isBusy || n === 0 || typed !== n} onClick=${() => run({ count: n })}>Discard ${chosen ? count(n) : ""}<//>`;
  return html`<${Dialog} title="Discard for good" open onClose=${end} actions=${actions}>
    ${result
      ? html`<${Banner} tone="success"><strong>${plural(result.events + result.rejections, "event")}</strong> discarded.<//>`
      : html`<p>${change.about}</p><${Loaded} of=${preview} lines=${1}>${() => html`<p><strong>${plural(n, "event")}</strong> will be gone for good. The accounts keep counting them.</p>
          ${n > 0 && html`<${TypedNumber} n=${n} onOk=${(/** @type {boolean} */ isIt) => setTyped(isIt ? n : 0)} />`}`}<//>${error && html`<${Failure} error=${error} />`}`}
  <//>`;
}
