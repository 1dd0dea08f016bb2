// What makes a draft active: the dialog that repeats what it would do, what was activated, and a test that joins a draft.
import { api } from "../api.js";
import { PersonalData } from "../as-test.js";
import { ask } from "../change.js";
import { Failure, useAction, useData } from "../data.js";
import { count, plural } from "../format.js";
import { navigate } from "../router.js";
import { Banner, Button, Dialog } from "../ui.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Author, Differences } from "./differences.js";
import { compiles } from "./draft.js";
import { Becoming, Comparison } from "./panels.js";

/** @param {{done: any, query: Record<string, string>, source: string, undo: () => void}} props */
export function Activated({ done, query, source, undo }) {
  const actions = html`${query.cause && html`<${Button} primary onClick=${() => ask({ kind: "requeue", which: { cause: query.cause, exact: Boolean(query.exact) }, about: `All with the cause “${query.cause}”.`, done: () => navigate("/events", { source, cause: "" }) })}>Requeue them…<//>`}
    ${query.requeue && html`<${Button} primary onClick=${() => ask({ kind: "requeue", which: { ids: query.requeue?.split(",") }, about: "The events that this change was made for." })}>Requeue ${query.requeue.split(",").length}…<//>`}<${Button} onClick=${undo}>Undo<//>`;
  return html`<${Banner} tone="success" actions=${actions}>
    Version <strong>${done.version.slice(0, 8)}</strong> is active${useSpread(source, done)}.<//>`;
}

/** On how many replicas a version is active, until all have it or 30 s have passed. @param {string} source @param {any} done */
function useSpread(source, done) {
  const [seen, setSeen] = useState({ replicas: done.replicas ?? [], asked: 0 });
  const having = seen.replicas.filter((/** @type {any} */ replica) => replica.version === done.version).length;
  const isEverywhere = having === seen.replicas.length;
  useEffect(() => {
    if (isEverywhere || seen.asked === 15) return undefined;
    const timer = setTimeout(async () => {
      const found = await api.get("/mapping", { source }).catch(() => seen);
      setSeen({ replicas: found.replicas ?? [], asked: seen.asked + 1 });
    }, 2000);
    return () => clearTimeout(timer);
  }, [seen]);
  return isEverywhere ? "" : ` on ${having} of ${plural(seen.replicas.length, "replica")}`;
}

/** @param {{source: string, file: any, dialog: any, guards: string[] | null, previewed: any[], sum: any, close: () => void, fromTheirs: () => void, keepMine: () => void, done: (result: any) => void}} props */
export function Activate({ source, file, dialog, guards, previewed, sum, close, fromTheirs, keepMine, done }) {
  const { error, isBusy, run } = useAction();
  const [theirs, setTheirs] = useState(/** @type {string | null} */ (null));
  // A version of the history is not a draft, so it has not been checked yet.
  const checked = useData(async (abort) => (guards ? null : api.post("/mapping/check", { source, text: dialog.text }, {}, abort)), [dialog.text]);
  const gone = guards ?? checked.data?.guards.gone ?? [];
  const isKnown = guards !== null || checked.data !== null;
  const put = () => run(async () => {
    const headers = { "If-Match": dialog.etag, "Content-Type": "text/yaml" };
    done(await api.put("/mapping", dialog.text, headers, { source, rollback: dialog.rollback }));
  });
  const isConflict = error?.code === "changed_meanwhile";
  const actions = isConflict
    ? html`<${Button} onClick=${async () => setTheirs((await api.get("/mapping", { source })).text)}>See the differences<//><${Button} onClick=${fromTheirs}>Start from theirs<//><${Button} quiet onClick=${keepMine}>Keep my draft<//>`
    : html`<${Button} onClick=${close}>Not yet<//><${Button} primary disabled=${isBusy || !isKnown || error?.code === "does_not_check"} onClick=${put}>${dialog.rollback ? "Roll back" : "Activate"}<//>`;
  return html`<${Dialog} title=${dialog.rollback ? "Roll back to this version?" : "Activate this draft?"} open wide=${theirs !== null} onClose=${isConflict ? keepMine : close} actions=${actions}>
    <p>Pending events and all that come are mapped by it from now on${file.sources.length > 1 ? `, for ${file.sources.join(", ")}` : ""}. What was delivered stays as it is.</p>
    <${Becoming} events=${previewed} />
    ${sum ? html`<p><strong>${count(sum.different)}</strong> of ${plural(sum.events, "recorded event")} would become something else; ${plural(sum.pending, "event")} of them pending.</p>` : dialog.base !== undefined && html`<p class="muted">Compare it under Changes to see what it would do to recorded events.</p>`}
    ${gone.length > 0 && html`<${Banner} tone="danger"><strong>It no longer guards personal data:</strong> ${gone.join(", ")}.<//>`}
    ${!isKnown && checked.error && html`<${Failure} error=${checked.error} retry=${checked.reload} again />`}
    ${isConflict ? html`<${Banner} tone="warning">The file was changed meanwhile (<${Author} at=${error.body.at} by=${error.body.by} />). Nothing was overwritten.<//>` : error && html`<${Failure} error=${error} />`}
    ${error?.code === "does_not_check" && html`<ul class="findings">${error.body.findings.slice(0, 20).map((/** @type {any} */ finding) => html`<li>${finding.source} ${finding.line}:${finding.column} ${finding.message}</li>`)}</ul>`}
    ${dialog.base === undefined && !isConflict && html`<${Comparison} source=${source} text=${dialog.text} canCompare=${!checked.data || compiles(checked.data)} asked=${0} onResult=${() => {}} />`}
    ${theirs !== null && html`<${Differences} base=${dialog.base ?? file.text} theirs=${theirs} mine=${dialog.text} />`}
  <//>`;
}

/** @param {{text: string, kept: string[], close: () => void, add: (text: string) => void}} props */
export function NewTest({ text, kept, close, add }) {
  const [edited, setEdited] = useState(text);
  return html`<${Dialog} title="A test of this event" open wide onClose=${close} actions=${html`<${Button} onClick=${close}>Not now<//><${Button} primary onClick=${() => add(edited)}>Add to the draft<//>`}>
    <${PersonalData} kept=${kept} />
    <textarea rows="16" aria-label="The test as YAML" value=${edited} onInput=${(/** @type {any} */ event) => setEdited(event.target.value)}></textarea><//>`;
}

/** A test at the end of `tests:`, which is added where there is none. @param {string} text @param {string} test */
export function withTest(text, test) {
  const base = text.endsWith("\n") ? text : `${text}\n`;
  const lines = base.split("\n");
  const at = lines.findIndex((line) => /^tests:\s*(#.*)?$/.test(line));
  const indent = at < 0 ? "  " : (/^ *(?=- )/.exec(lines.slice(at + 1).find((line) => /^ *- /.test(line)) ?? "  - ")?.[0] ?? "  ");
  const added = test.trimEnd().split("\n").map((line) => indent + line);
  if (at < 0) return `${base}tests:\n${added.join("\n")}\n`;
  let end = lines.findIndex((line, index) => index > at && /^[^\s#-]/.test(line));
  if (end < 0) end = lines.length - 1;
  while (end > at + 1 && lines[end - 1]?.trim() === "") end -= 1;
  lines.splice(end, 0, ...added);
  return lines.join("\n");
}
