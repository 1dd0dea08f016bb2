// The charts of the overview, and their values as a table.
import { api } from "./api.js";
import { Loaded, useAgain, useData } from "./data.js";
import { count, timeText } from "./format.js";
import { Card, Table } from "./ui.js";
import { html, useEffect, useState } from "./vendor/preact.js";

const SPANS = [
  { id: "30m", text: "30 minutes", s: 1800, step: 60 },
  { id: "3h", text: "3 hours", s: 10_800, step: 60 },
  { id: "24h", text: "24 hours", s: 86_400, step: 600 },
  { id: "7d", text: "7 days", s: 604_800, step: 3600 },
];
const AGAIN_MS = 30_000;
const TERMS = ["received", "delivered", "dropped", "unmatched", "rejected", "dead"];

/** The charts, once their code is loaded. */
export function Charts() {
  const [span, setSpan] = useState(SPANS[1]);
  const [code, setCode] = useState(/** @type {any} */ (null));
  const load = (/** @type {AbortSignal} */ abort) =>
    api.get("/series", { since: new Date(Date.now() - (span?.s ?? 0) * 1000).toISOString(), step: span?.step }, abort);
  const series = useData(load, [span]);
  useEffect(() => void import("./chart.js").then(setCode), []);
  // New events are counted within some seconds.
  useAgain(series.reload, AGAIN_MS, series.data?.received.some(Boolean) ?? false);
  const choice = html`<label class="theme">Span <select onChange=${(/** @type {any} */ event) => setSpan(SPANS[event.target.selectedIndex])}>${SPANS.map((each) => html`<option selected=${each === span}>${each.text}</option>`)}</select></label>`;
  return html`<${Card} title="Activity" actions=${choice} class="charts">
    <${Loaded} of=${series} lines=${6}>${(/** @type {any} */ found) =>
      found.received.every((/** @type {number | null} */ n) => n === null)
        ? html`<p class="muted">Figures of each minute appear here. They are kept for 7 days.</p>`
        : html`${code && html`<${Drawn} of=${found} chart=${code.Chart} step=${span?.step ?? 60} />`}<${Sums} of=${found} />`}<//>
  <//>`;
}

/** @param {{of: any, chart: any, step: number}} props */
function Drawn({ of, chart: Chart, step }) {
  const at = of.at.map((/** @type {string} */ instant) => Date.parse(instant) / 1000);
  const each = step === 60 ? "Events each minute" : `Events each ${step / 60} minutes`;
  return html`<div class="chart-grid">
    <${Chart} title=${each} at=${at} lines=${[
      { label: "dead", values: of.dead, color: "bad", isBars: true }, { label: "delivered", values: of.delivered, color: "ok" }, { label: "received", values: of.received, color: "wait", isDashed: true },
    ]} />
    <${Chart} title="Rate" unit="calls/s" at=${at} lines=${[{ label: "rate", values: of.rate, color: "accent" }, { label: "limit", values: of.limit, color: "odd", isDashed: true }]} />
    <${Chart} title="Waiting" at=${at} lines=${[{ label: "pending", values: of.pending, color: "wait" }]} />
  </div>`;
}

/** @param {{of: any}} props */
function Sums({ of }) {
  const rows = of.at.map((/** @type {string} */ at, /** @type {number} */ index) => ({ at, index })).filter((/** @type {any} */ row) => of.received[row.index] !== null && TERMS.some((term) => of[term][row.index] > 0));
  return html`<details><summary>As a table</summary><${Table} caption="Activity" columns=${[{ title: "From" }, ...TERMS.map((term) => ({ title: term, class: "number" })), { title: "pending", class: "number" }]}>
    ${rows.length === 0 && html`<tr><td colspan=${TERMS.length + 2}>Nothing was received in this span.</td></tr>`}
    ${rows.reverse().map((/** @type {any} */ row) => html`<tr><td class="time">${timeText(row.at)}</td>${[...TERMS, "pending"].map((term) => html`<td class="number">${count(of[term][row.index])}</td>`)}</tr>`)}<//></details>`;
}
