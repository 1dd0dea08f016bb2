// How the service is doing now: status, numbers that lead to their events, causes, mappings and the accounts.
import { api, ofCause } from "../api.js";
import { Charts } from "../charts.js";
import { Loaded, capitalized, useAgain, useData, useReload } from "../data.js";
import { ago, count, plural, size, timeText } from "../format.js";
import { href } from "../router.js";
import { connection, subscribe, summary } from "../stream.js";
import { Badge, Card, CopyButton, Empty, Page, Table, Tile, Words } from "../ui.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { baseAddress } from "./senders.js";

const AGAIN_MS = 60_000;
const DAY_MS = 86_400_000;
const RECENT_STEP_S = 300;
/** The terms of the ledger in which a received message ends. */
const ENDS = ["duplicate", "rejected", "dropped", "unmatched", "delivered", "dead", "discarded", "pending"];

export default function Overview() {
  const loaded = useData(begin, []);
  // The stream keeps it new; without one the page has what it asked for.
  useEffect(() => {
    if (loaded.data && connection.value !== "live" && connection.value !== "polling") summary.value = loaded.data.now;
  }, [loaded.data]);
  const [isUsed, setUsed] = useState(false);
  // The first message of a stream only says where the stream begins: it names no event.
  useEffect(() => subscribe({ events: (entries) => entries.length > 0 && setUsed(true) }), []);
  return html`<${Page} title="Overview">
    <${Loaded} of=${loaded} lines=${8}>${(/** @type {any} */ data) => {
      const now = summary.value ?? data.now;
      return isUsed || data.isUsed || now.ledger.received > 0 ? html`<${Now} now=${now} />` : html`<${Nothing} now=${now} />`;
    }}<//>
  <//>`;
}

/** The accounts are counted every few seconds, so the list says whether anything came yet. @param {AbortSignal} abort */
async function begin(abort) {
  const [now, newest] = await Promise.all([api.get("/summary", {}, abort), api.get("/events", { limit: 1 }, abort)]);
  return { now, isUsed: newest.entries.length > 0 };
}

/** @param {number | null} n */
const isCount = (n) => n !== null;

/** How many were delivered in the last hour and unmatched in the last day, once counted. @param {any} ledger */
function useRecent(ledger) {
  const series = useData((abort) => api.get("/series", { since: new Date(Date.now() - DAY_MS).toISOString(), step: RECENT_STEP_S }, abort), [ledger.delivered, ledger.unmatched]);
  useAgain(series.reload, AGAIN_MS, series.data?.delivered.some(isCount) ?? false);
  const sum = (/** @type {"delivered" | "unmatched"} */ term, /** @type {number} */ steps) => {
    const found = (series.data?.[term] ?? []).slice(-steps).filter(isCount);
    return found.length > 0 ? found.reduce((/** @type {number} */ all, /** @type {number} */ n) => all + n, 0) : null;
  };
  return { delivered: sum("delivered", 3600 / RECENT_STEP_S), unmatched: sum("unmatched", DAY_MS / 1000 / RECENT_STEP_S) };
}

/** @param {{now: any}} props */
function Now({ now }) {
  const ledger = now.ledger;
  const recent = useRecent(ledger);
  const rejected = ledger.rejected ?? 0;
  // The accounts are counted every few seconds: at first not yet.
  const isCounted = ledger.received !== undefined;
  const counted = (/** @type {number | undefined} */ n) => (isCounted ? (n ?? 0) : "–");
  return html`<div class="stack">
    <${Status} now=${now} />
    <div class="tiles">
      <${Tile} label="Delivered" value=${recent.delivered ?? "–"} href=${href("/events", { outcome: "delivered" })} note=${recent.delivered === null ? "being counted" : "in the last hour"} />
      <${Tile} label="Pending" value=${isCounted ? now.pending : "–"} href=${href("/events", { outcome: "pending" })} note=${now.oldest_pending && now.pending ? `oldest ${ago(now.oldest_pending)}` : isCounted ? "nothing waits" : "being counted"} />
      <${Tile} label="Failed" value=${counted(now.dead + rejected)} href=${href("/dead")} tone=${now.dead + rejected ? "bad" : ""} note=${now.dead + rejected ? `${count(now.dead)} dead, ${count(rejected)} rejected` : isCounted ? "nothing failed" : "being counted"} />
      <${Tile} label="Unmatched" value=${recent.unmatched ?? "–"} href=${href("/events", { outcome: "unmatched" })} tone=${recent.unmatched ? "odd" : ""} note=${recent.unmatched === null ? "being counted" : "in the last 24 hours"} />
      ${now.projects.map((/** @type {any} */ project) => html`<${Rate} project=${project} isOne=${now.projects.length === 1} />`)}
    </div>
    <${Charts} />
    <div class="columns"><${Causes} dead=${now.dead + rejected} /><${Mappings} files=${now.mapping_files ?? []} /></div>
    <div class="columns"><${Accounts} now=${now} /><${Disk} disk=${now.disk} /></div>
  </div>`;
}

/** @param {{now: any}} props */
function Status({ now }) {
  const [tone, text] = { ok: now.dead ? ["warning", `Delivery works, but ${plural(now.dead, "event")} failed.`] : ["success", "All is well."], slowed: ["warning", "Delivery is slowed."], paused: ["danger", "Delivery is paused."] }[
    /** @type {"ok"} */ (now.delivery)
  ];
  return html`<div class="banner ${tone}" role="status"><div><strong>${text}</strong> ${capitalized(now.delivery_why ?? "")}${now.delivery === "ok" && now.dead > 0 && html`<a href="#/dead">See the causes</a>`}</div></div>`;
}

/** @param {{project: any, isOne: boolean}} props */
function Rate({ project, isOne }) {
  const limit = project.limit_per_s === null ? "no limit met yet" : `limit ${project.limit_per_s}/s, learned`;
  return html`<${Tile} label=${isOne ? "Rate" : `Rate of ${project.sources.join(", ")}`} value=${`${project.rate_per_s}/s`} note=${limit} />`;
}

/** @param {{dead: number}} props */
function Causes({ dead }) {
  const causes = useData((abort) => api.get("/dead/causes", { limit: 5 }, abort), []);
  useReload(causes.reload, [dead]);
  return html`<${Card} title="Most frequent causes" actions=${html`<a href="#/dead">All dead letters</a>`}>
    <${Loaded} of=${causes}>${(/** @type {any} */ { causes: found }) =>
      found.length === 0
        ? html`<p class="muted">Nothing failed.</p>`
        : html`<${Table} caption="Most frequent causes" columns=${[{ title: "Count", class: "number" }, { title: "Cause" }]}>
            ${found.map((/** @type {any} */ cause) => html`<tr><td class="number">${count(cause.count)}</td>
              <td class="words"><a href=${href("/events", { outcome: cause.outcome, ...ofCause(cause.cause) })}><${Words} text=${cause.cause} /></a></td></tr>`)}<//>`}<//>
  <//>`;
}

/** @param {{files: any[]}} props */
function Mappings({ files }) {
  return html`<${Card} title="Active mappings">
    <${Table} caption="Active mappings" columns=${[{ title: "Source" }, { title: "File" }, { title: "Version" }, { title: "State" }]}>
      ${files.map((file) => html`<tr><td><a href=${href(`/mappings/${encodeURIComponent(file.source)}`)}>${file.source}</a></td><td class="mono" title=${file.file}>${file.file.split("/").at(-1)}</td><td class="mono">${file.version.slice(0, 8)}</td>
        <td>${file.problem ? html`<${Badge} outcome="error" text="has problems" />` : html`<${Badge} outcome="ok" text="active" />`}</td></tr>`)}
    <//>
  <//>`;
}

/** @param {{now: any}} props */
function Accounts({ now }) {
  const terms = { ...now.ledger, pending: now.pending, dead: now.dead };
  if (now.ledger.received === undefined) return html`<${Card} title="Accounts"><p class="muted">They are being counted.</p><//>`;
  return html`<${Card} title="Accounts" lead=${`${plural(now.ledger.received ?? 0, "message")} received. Each ended in one of these, counted at ${timeText(now.counted_at)}:`}>
    <dl class="facts numbers">${ENDS.map((term) => html`<dt>${capitalized(term)}</dt><dd>${count(terms[term] ?? 0)}</dd>`)}</dl>
    ${now.unaccounted !== 0 && html`<p class="error">${plural(Math.abs(now.unaccounted), "message")} cannot be accounted for. This is a fault of the adapter: please report it.</p>`}
  <//>`;
}

/** @param {{disk: any}} props */
function Disk({ disk }) {
  if (!disk) return null;
  return html`<${Card} title="Storage"><dl class="facts numbers">
    <dt>Used by the queue</dt><dd>${size(disk.used_bytes)} of ${size(disk.max_bytes)}</dd>
    ${disk.free_bytes !== undefined && html`<dt>Free on the disk</dt><dd>${size(disk.free_bytes)}</dd>`}
  </dl><//>`;
}

/** @param {{now: any}} props */
function Nothing({ now }) {
  const source = now.mapping_files?.[0]?.source ?? "default";
  const sources = useData((abort) => api.get("/sources", {}, abort), []);
  const url = `${baseAddress(sources.data?.adminListen ?? false)}/webhooks/${encodeURIComponent(source)}/<key>`;
  const command = `curl ${url} -H 'Content-Type: application/json' -d '{"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {"total": 27.5}}'`;
  return html`<${Empty} title="No event yet">
    <p>Set up a source in your customer-data platform, or send one event from a terminal, with the source's key in place of <code>${"<key>"}</code>. <a href="#/sources">Sources</a> has both.</p>
    <pre>${command}</pre><${CopyButton} text=${command} label="Copy the command" />
  <//>`;
}
