// Dead letters and rejections by cause, and events that no rule took: fix the cause, then requeue them.
import { api, ofCause, urlOf } from "../api.js";
import { ChangeDialog, ask } from "../change.js";
import { Loaded, capitalized, useData, useReload } from "../data.js";
import { Time, count, visible } from "../format.js";
import { href } from "../router.js";
import { summary } from "../stream.js";
import { Badge, Button, Empty, Page, Words } from "../ui.js";
import { html } from "../vendor/preact.js";

/** As many causes as the API lists at once. */
const MOST = 500;

export default function Dead() {
  const causes = useData((abort) => api.get("/dead/causes", { limit: MOST }, abort), []);
  useReload(causes.reload, [summary.value?.dead, summary.value?.ledger?.rejected, summary.value?.ledger?.unmatched]);
  return html`<${Page} title="Dead letters" tab=${`Dead letters (${count(summary.value?.dead ?? 0)})`}
      lead="Events that were given up and messages that were rejected, by cause. Fix the cause, then requeue them: they go behind live traffic, in order for each user."
      actions=${html`<a class="button" href=${urlOf("api/dead/export").href} download="dead-letters.ndjson">Export all</a>`}>
    <${Loaded} of=${causes}>${(/** @type {any} */ data) => html`<${List} causes=${data.causes} unmatched=${data.unmatched} reload=${causes.reload} />`}<//>
    <${ChangeDialog} />
  <//>`;
}

/** @param {{causes: any[], unmatched: any, reload: () => void}} props */
function List({ causes, unmatched, reload }) {
  if (causes.length === 0 && unmatched.count === 0) return html`<${Empty} title="Nothing failed"><p>Every event was delivered, dropped by a rule, or is on its way.</p><//>`;
  return html`<ul class="causes">
    ${causes.map((cause) => html`<${Cause} key=${cause.outcome + cause.cause} cause=${cause} reload=${reload} />`)}
    ${causes.length === MOST && html`<li class="muted">Only the ${count(MOST)} most frequent causes are listed.</li>`}
    ${unmatched.count > 0 && html`<${Unmatched} unmatched=${unmatched} reload=${reload} />`}
  </ul>`;
}

/** @param {{unmatched: any, reload: () => void}} props */
function Unmatched({ unmatched, reload }) {
  const n = `${count(unmatched.count)}${unmatched.isAll ? "" : "+"}`;
  return html`<li data-row class="card cause"><div class="cause-count">${n}</div><div class="cause-body"><h2>No rule took them</h2>
    <p class="muted"><${Badge} outcome="unmatched" /> Their names match no rule of their mapping · <${Span} first=${unmatched.first} last=${unmatched.last} /></p>
    <div class="actions"><a class="button primary" href="#/names">Suggest a rule</a><${Button} onClick=${() => ask({ kind: "requeue", which: { unmatched: true }, about: "All events that no rule took.", done: reload })}>Requeue ${n}…<//>
      <a class="button quiet" href=${href("/events", { outcome: "unmatched" })}>Show them</a></div></div></li>`;
}

/** @param {{first: string, last: string}} props */
function Span({ first, last }) {
  return first === last ? html`<${Time} at=${first} />` : html`<${Time} at=${first} /> to <${Time} at=${last} />`;
}

/** A cause without the name of its rule, which stands below. @param {any} cause */
const shortened = (cause) => (cause.rule ? cause.cause.replace(` (rule '${cause.rule}')`, "") : cause.cause);

/** @param {{cause: any, reload: () => void}} props */
function Cause({ cause, reload }) {
  const isRejected = cause.outcome === "rejected";
  const which = ofCause(cause.cause);
  const source = cause.sources?.[0];
  const about = html`All with the cause “<${Words} text=${cause.cause} />”.`;
  const isMappings = !isRejected && (cause.rule || /mapping/.test(cause.reason ?? cause.cause));
  return html`<li data-row class="card cause"><div class="cause-count">${count(cause.count)}</div><div class="cause-body">
    <h2><${Words} text=${capitalized(shortened(cause))} /></h2>
    <p class="muted"><${Badge} outcome=${cause.outcome} /> ${cause.file && cause.line ? html`rule <strong>${visible(cause.rule)}</strong>, <code>${cause.file}:${cause.line}</code> · ` : ""}
      ${cause.sources.length > 1 ? "sources" : "source"} ${cause.sources.join(", ")} · <${Span} first=${cause.first} last=${cause.last} /></p>
    <div class="actions">
      ${isMappings && source && html`<a class="button primary" href=${href(`/mappings/${encodeURIComponent(source)}`, { ...which, line: cause.line })}>Fix the mapping</a>`}
      <${Button} primary=${!isMappings} onClick=${() => ask({ kind: "requeue", which, about, done: reload })}>${isRejected ? "Read again" : "Requeue"} ${count(cause.count)}…<//>
      <a class="button quiet" href=${href("/events", { outcome: cause.outcome, ...which })}>Show them</a>
      <a class="button quiet" href=${urlOf("api/dead/export", which).href} download="dead-letters.ndjson">Export</a>
      <${Button} quiet onClick=${() => ask({ kind: "discard", which, about, done: reload })}>Discard…<//>
    </div></div></li>`;
}
