// One mapping file: the editor, what the draft would do, and activating it. Nothing here sends anything to Browsee.
import { ApiError, api } from "../api.js";
import { ChangeDialog, ask } from "../change.js";
import { Failure, Loaded, capitalized, useData } from "../data.js";
import { Time, count, plural } from "../format.js";
import { navigate } from "../router.js";
import { keepDraft, keptDraft, useCheck } from "../editor/draft.js";
import { Author, Differences } from "../editor/differences.js";
import { createEditor, lineEndsOf } from "../editor/editor.js";
import { Comparison, History, Preview, Tests } from "../editor/panels.js";
import { kubectlPatch, patchOf } from "../editor/patch.js";
import { testOf } from "../editor/yaml.js";
import { Badge, Banner, Button, CopyButton, Dialog, Page, Tabs, download } from "../ui.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";

const MOST = 20;

/** @param {{params: {source: string}, query: Record<string, string>}} props */
export default function Mapping({ params, query }) {
  const { source } = params;
  // They outlast the file that was replaced.
  const [tab, setTab] = useState("preview");
  const [done, setDone] = useState(/** @type {any} */ (null));
  const goesOn = useRef(/** @type {import("../editor/draft.js").Kept | null} */ (null));
  const loaded = useData(async (abort) => {
    const [file, schema, chosen, seen] = await Promise.all([api.get("/mapping", { source }, abort), api.get("/mapping/schema", {}, abort), chosenEvents(source, query, abort), seenOf(source, abort)]);
    return { file, schema, chosen, seen };
  }, [source]);
  return html`<${Page} title=${loaded.data?.file.file ?? source} tab=${`Mapping ${source}`} lead=${loaded.data && loaded.data.file.sources.length > 1 ? `Serves ${loaded.data.file.sources.join(", ")}; tried here as ${source}.` : `Source ${source}.`}>
    <${Loaded} of=${loaded} lines=${10}>${(/** @type {any} */ data) => html`<${Workbench} key=${data.file.etag} source=${source} query=${query} data=${data} reload=${loaded.reload} tab=${tab} setTab=${setTab} done=${done} setDone=${setDone} goesOn=${goesOn} />`}<//>
    ${loaded.error?.code === "no_mapping_file" && html`<div class="actions"><${Button} onClick=${() => downloadActive(source)}>Download the active text<//></div>`}
    <${ChangeDialog} />
  <//>`;
}

/** The text that goes on without its file. @param {string} source */
async function downloadActive(source) {
  const { versions } = await api.get("/mapping/history", { source, limit: 500 });
  const active = versions.find((/** @type {any} */ each) => each.active);
  if (active) download(`${source}.yaml`, (await api.get("/mapping/version", { source, id: active.id })).text, "text/yaml");
}

/** Events to try: those of the address, of a cause, or dead ones and one of each name. @param {string} source @param {Record<string, string>} query @param {AbortSignal} abort */
async function chosenEvents(source, query, abort) {
  if (query.events) return query.events.split(",").slice(0, MOST);
  const of = async (/** @type {any} */ more) => (await api.get("/events", { source, ...more }, abort)).entries;
  if (query.cause) return (await of({ cause: query.cause, outcome: "dead", limit: MOST })).map((/** @type {any} */ entry) => entry.id);
  const [dead, newest] = await Promise.all([of({ outcome: "dead", limit: 4 }), of({ limit: 200 })]);
  const names = new Map(newest.filter((/** @type {any} */ entry) => entry.type && !entry.deleted).map((/** @type {any} */ entry) => [`${entry.type} ${entry.event}`, entry.id]));
  return [...new Set([...dead.map((/** @type {any} */ entry) => entry.id), ...names.values()])].slice(0, MOST);
}

/** Names and paths for completion. @param {string} source @param {AbortSignal} abort */
async function seenOf(source, abort) {
  try {
    const { names } = await api.get("/names", { source }, abort);
    const paths = new Map(names.flatMap((/** @type {any} */ name) => name.paths.map((/** @type {any} */ each) => [each.path, `${Object.keys(each.types).join(", ")}, in ${name.name ?? name.type}`])));
    return { names: names.filter((/** @type {any} */ name) => name.name).map((/** @type {any} */ name) => ({ name: name.name, note: plural(name.events, "event") })), paths: [...paths].map(([path, note]) => ({ path, note })) };
  } catch (error) {
    if (error instanceof ApiError) return { names: [], paths: [] };
    throw error;
  }
}

/** @param {{source: string, query: Record<string, string>, data: any, reload: () => void, tab: string, setTab: (tab: string) => void, done: any, setDone: (done: any) => void, goesOn: {current: import("../editor/draft.js").Kept | null}}} props `goesOn`: a draft that outlasts the file it was made from */
function Workbench({ source, query, data, reload, tab, setTab, done, setDone, goesOn }) {
  const { file } = data;
  const onDisk = { etag: file.etag, text: file.text };
  const [kept] = useState(() => goesOn.current ?? keptDraft(file.file));
  const hasRule = useRef(Boolean(query.insert));
  // A rule that is handed over joins the draft: it must not take its place.
  const resumed = useRef(goesOn.current || hasRule.current ? kept : null);
  const [text, setText] = useState(resumed.current?.text ?? file.text);
  const [base, setBase] = useState(resumed.current?.base ?? onDisk);
  const [events, setEvents] = useState(/** @type {string[]} */ (data.chosen));
  const [messages, setMessages] = useState(/** @type {any[]} */ ([]));
  const [offer, setOffer] = useState(resumed.current ? (resumed.current.earlier ?? null) : kept?.text === file.text ? null : kept);
  const [compares, setCompares] = useState(0);
  const [sum, setSum] = useState(/** @type {any} */ (null));
  const [dialog, setDialog] = useState(/** @type {any} */ (null));
  const check = useCheck(source, text, events, messages);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const editor = useRef(/** @type {ReturnType<typeof createEditor> | null} */ (null));
  const compare = () => (setTab("changes"), setCompares((n) => n + 1));

  // Before anything is drawn: a page that is there has its text.
  useLayoutEffect(() => {
    const made = createEditor({ parent: /** @type {HTMLElement} */ (box.current), text, schema: data.schema, seen: () => data.seen, onChange: (next) => setText(lineEndsOf(file.text, next)), onCheck: check.again, onCompare: compare });
    editor.current = made;
    goesOn.current = null;
    if (query.insert) {
      made.setText(inserted(made.text(), query.insert));
      // Once: neither a reload nor the file that was activated with it gets the rule again.
      navigate(`/mappings/${encodeURIComponent(source)}`, { ...query, insert: "" }, { replace: true });
    }
    if (query.line) made.goTo(Number(query.line));
    return () => made.destroy();
  }, []);
  useLayoutEffect(() => {
    // A draft that is offered stays until somebody decides, beside what is written meanwhile. Kept before anything is drawn: a
    // draft that is gone from the page does not come back after a reload.
    keepDraft(file.file, text === file.text ? null : text, base, offer);
    if (text === file.text && base.etag !== file.etag) setBase(onDisk);
  }, [text, offer, base.etag]);
  useEffect(() => editor.current?.mark(check.checked?.findings ?? []), [check.checked]);

  const isDraft = text !== file.text;
  const isBehind = isDraft && base.etag !== file.etag;
  const isCurrent = check.of === text && !check.isBusy;
  const checks = isCurrent && check.checked?.version !== null;
  const replace = (/** @type {string} */ next) => editor.current?.setText(next);
  const resume = () => {
    const { earlier = null, ...draft } = /** @type {import("../editor/draft.js").Kept} */ (offer);
    // Text written meanwhile is offered next.
    setOffer(isDraft ? { text, base, at: new Date().toISOString(), earlier } : earlier);
    setBase(draft.base);
    replace(draft.text);
  };
  const add = (/** @type {string} */ given) => {
    if (/^\d+$/.test(given)) return setEvents([...new Set([given, ...events])].slice(0, 50)), "";
    try {
      const message = JSON.parse(given);
      if (typeof message !== "object" || message === null || Array.isArray(message)) return "A message is a JSON object.";
      if (messages.length === 5) return "Five messages at most.";
      setMessages([...messages, message]);
      return "";
    } catch {
      return given ? "This is neither an event id nor JSON." : "Give an event id or a JSON message.";
    }
  };
  const remove = (/** @type {string} */ id) => {
    const number = /^message (\d+)$/.exec(id)?.[1];
    if (number) setMessages(messages.filter((_, index) => index !== Number(number) - 1));
    else setEvents(events.filter((each) => each !== id));
  };
  const addTest = async (/** @type {any} */ event) => {
    const message = /^\d+$/.test(event.id) ? /** @type {any} */ ((await api.get("/event", { id: event.id })).found[0]).message : messages[Number(event.id.split(" ")[1]) - 1];
    setDialog({ kind: "test", text: testOf(event, message) });
  };
  const findings = check.checked?.findings ?? [];
  return html`
    ${done && html`<${Activated} done=${done} query=${query} source=${source} undo=${() => setDialog({ kind: "activate", text: done.before, etag: done.etag })} />`}
    ${file.problem && html`<${Banner} tone="danger"><strong>The file on disk has problems.</strong> Version ${file.active.version.slice(0, 8)} is active.<//>`}
    ${!file.writable && html`<${Banner} tone="warning"
        actions=${html`<${Button} onClick=${() => download("mapping.patch", patchOf(file.file, file.text, text), "text/x-diff")} disabled=${!isDraft}>Download patch<//>
        <${CopyButton} text=${() => text} label="Copy file" />
        ${file.configMapKey && html`<${CopyButton} text=${() => kubectlPatch(file.configMapKey, text)} label="Copy for kubectl" />`}`}>
      This file cannot be written here: <strong>${file.whyNot}</strong>. You can try changes and take them with you.<//>`}
    ${offer && html`<${Banner} actions=${html`<${Button} primary onClick=${() => resume()}>Go on<//><${Button} onClick=${() => setOffer(offer.earlier ?? null)}>Discard it<//>`}>
      Your draft of <${Time} at=${offer.at} />${offer.base.etag === file.etag ? "" : ", made from an earlier file"}.<//>`}
    ${resumed.current && hasRule.current && html`<${Banner}>
      The rule was added to your draft of <${Time} at=${resumed.current.at} />.<//>`}
    ${isBehind && html`<${Banner} tone="warning" actions=${html`<${Button} onClick=${() => setDialog({ kind: "differences" })}>See the differences<//>`}>
      The file was changed since your draft was begun${file.problem ? "" : html` (<${Author} at=${file.active.since} by=${file.active.by} />)`}. Activating your draft replaces that text; the history keeps it.<//>`}
    <div class="workbench-head"><div class="actions">
        ${isDraft ? html`<${Badge} outcome="info" text=${`draft ${check.checked?.version?.slice(0, 8) ?? ""}`} />`
          : file.problem ? html`<${Badge} outcome="off" text="on disk, not active" />` : html`<${Badge} outcome="ok" text=${`active ${file.active.version.slice(0, 8)}`} />`}
        <span role="status"><${Verdict} check=${check} isCurrent=${isCurrent} /></span></div>
      <div class="actions">${isDraft && html`<${Button} quiet onClick=${() => replace(file.text)}>Undo all<//>`}
        ${file.writable && html`<${Button} primary disabled=${!isDraft || !checks} onClick=${() => setDialog({ kind: "activate", text, etag: file.etag, base: base.text })}>Activate…<//>`}</div></div>
    <div class="workbench"><div class="editor-side"><div class="editor-box" ref=${box}></div>
        <p class="hint" id="editor-help">Escape then Tab leaves the editor. <kbd>Ctrl+Space</kbd> completes, <kbd>F8</kbd> goes to the next problem, <kbd>Ctrl+Enter</kbd> compares.</p>
        ${findings.length > 0 && html`<ul class="findings" aria-label="Problems">${findings.map((/** @type {any} */ finding) => html`<li><button type="button" class="link" onClick=${() => editor.current?.goTo(finding.line, finding.column)}>${finding.line}:${finding.column}</button>
          <${Badge} outcome=${finding.severity === "warning" ? "warning" : finding.severity === "note" ? "info" : "error"} text=${finding.code ?? finding.severity} /> <span>${finding.message}</span></li>`)}</ul>`}</div>
      <${Tabs} label="Draft" selected=${tab} onSelect=${setTab} tabs=${[
        { id: "preview", title: `Preview ${count(events.length + messages.length)}`, panel: () => html`<${Preview} checked=${check.checked} error=${check.error} add=${add} remove=${remove} addTest=${addTest} />` },
        { id: "tests", title: `Tests ${testCount(check.checked)}`, panel: () => html`<${Tests} checked=${check.checked} goTo=${(/** @type {number} */ line) => editor.current?.goTo(line)} />` },
        { id: "changes", title: "Changes", panel: () => html`<${Comparison} source=${source} text=${text} canCompare=${checks} asked=${compares} onResult=${setSum} />` },
        { id: "history", title: "History", panel: () => html`<${History} source=${source} text=${text} version=${file.etag} open=${replace} canWrite=${file.writable} rollBack=${(/** @type {any} */ version) => setDialog({ kind: "activate", text: version.text, etag: file.etag, rollback: version.id })} />` },
      ]} /></div>
    ${dialog?.kind === "activate" && html`<${Activate} source=${source} file=${file} dialog=${dialog} guards=${(dialog.text === text && check.checked?.guards.gone) || null} sum=${sum?.of === dialog.text ? sum : null} close=${() => setDialog(null)}
      fromTheirs=${() => (setDialog(null), keepDraft(file.file, null, base, offer), reload())} keepMine=${() => (setDialog(null), (goesOn.current = isDraft ? { text, base, at: new Date().toISOString(), earlier: offer } : null), reload())}
      done=${(/** @type {any} */ result) => (setDialog(null), keepDraft(file.file, null, base, offer), setDone({ ...result, before: file.text }), reload())} />`}
    ${dialog?.kind === "differences" && html`<${Dialog} title="Your draft and the file" open wide onClose=${() => setDialog(null)} actions=${html`<${Button} onClick=${() => setDialog(null)}>Close<//>`}><${Differences} base=${base.text} theirs=${file.text} mine=${text} /><//>`}
    ${dialog?.kind === "test" && html`<${NewTest} text=${dialog.text} close=${() => setDialog(null)} add=${(/** @type {string} */ test) => (setDialog(null), replace(withTest(text, test)))} />`}`;
}

/** @param {{check: any, isCurrent: boolean}} props */
function Verdict({ check, isCurrent }) {
  if (check.error) return html`<span class="error">${capitalized(check.error.message)}</span>`;
  if (!isCurrent || !check.checked) return html`<span class="muted">checking</span>`;
  const bad = check.checked.findings.filter((/** @type {any} */ finding) => finding.severity === "error" || finding.severity === "test failed").length;
  const odd = check.checked.findings.filter((/** @type {any} */ finding) => finding.severity === "warning").length;
  if (bad) return html`<${Badge} outcome="error" text=${plural(bad, "problem")} />`;
  return html`<${Badge} outcome=${odd ? "warning" : "ok"} text=${odd ? plural(odd, "warning") : "checks"} />`;
}

/** @param {any} checked */
const testCount = (checked) => (checked?.tests.length ? `${checked.tests.filter((/** @type {any} */ test) => test.passed).length}/${checked.tests.length}` : "");

/** @param {{done: any, query: Record<string, string>, source: string, undo: () => void}} props */
function Activated({ done, query, source, undo }) {
  const actions = html`${query.cause && html`<${Button} primary onClick=${() => ask({ kind: "requeue", which: { cause: query.cause, exact: true }, about: `All with the cause “${query.cause}”.`, done: () => navigate("/events", { source, cause: "" }) })}>Requeue them…<//>`}
    ${query.requeue && html`<${Button} primary onClick=${() => ask({ kind: "requeue", which: { ids: query.requeue?.split(",") }, about: "The events that this change was made for." })}>Requeue ${query.requeue.split(",").length}…<//>`}<${Button} onClick=${undo}>Undo<//>`;
  return html`<${Banner} tone="success" actions=${actions}>Version <strong>${done.version.slice(0, 8)}</strong> is active${useSpread(source, done)}.<//>`;
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

/** @param {{source: string, file: any, dialog: any, guards: string[] | null, sum: any, close: () => void, fromTheirs: () => void, keepMine: () => void, done: (result: any) => void}} props */
function Activate({ source, file, dialog, guards, sum, close, fromTheirs, keepMine, done }) {
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [theirs, setTheirs] = useState(/** @type {string | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  // A version of the history is not a draft, so it has not been checked yet.
  const checked = useData(async (abort) => (guards ? null : api.post("/mapping/check", { source, text: dialog.text }, {}, abort)), [dialog.text]);
  const gone = guards ?? checked.data?.guards.gone ?? [];
  const isKnown = guards !== null || checked.data !== null;
  const put = async () => {
    setBusy(true);
    try {
      done(await api.put("/mapping", dialog.text, { "If-Match": dialog.etag, "Content-Type": "text/yaml" }, { source, rollback: dialog.rollback }));
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
      setBusy(false);
    }
  };
  const isConflict = error?.code === "changed_meanwhile";
  const actions = isConflict
    ? html`<${Button} onClick=${async () => setTheirs((await api.get("/mapping", { source })).text)}>See the differences<//><${Button} onClick=${fromTheirs}>Start from theirs<//><${Button} quiet onClick=${keepMine}>Keep my draft<//>`
    : html`<${Button} onClick=${close}>Not yet<//><${Button} primary disabled=${isBusy || !isKnown || error?.code === "does_not_check"} onClick=${put}>${dialog.rollback ? "Roll back" : "Activate"}<//>`;
  return html`<${Dialog} title=${dialog.rollback ? "Roll back to this version?" : "Activate this draft?"} open wide=${theirs !== null} onClose=${isConflict ? keepMine : close} actions=${actions}>
    <p>Pending events and all that come are mapped by it from now on${file.sources.length > 1 ? `, for ${file.sources.join(", ")}` : ""}. What was delivered stays as it is.</p>
    ${sum ? html`<p><strong>${count(sum.different)}</strong> of ${plural(sum.events, "recorded event")} would become something else; ${plural(sum.pending, "event")} of them pending.</p>` : dialog.base !== undefined && html`<p class="muted">Compare it under Changes to see what it would do to recorded events.</p>`}
    ${gone.length > 0 && html`<${Banner} tone="danger"><strong>It no longer guards personal data:</strong> ${gone.join(", ")}.<//>`}
    ${!isKnown && checked.error && html`<${Failure} error=${checked.error} retry=${checked.reload} again />`}
    ${isConflict ? html`<${Banner} tone="warning">The file was changed meanwhile (<${Author} at=${error.body.at} by=${error.body.by} />). Nothing was overwritten.<//>` : error && html`<${Failure} error=${error} />`}
    ${error?.code === "does_not_check" && html`<ul class="findings">${error.body.findings.slice(0, 20).map((/** @type {any} */ finding) => html`<li>${finding.source} ${finding.line}:${finding.column} ${finding.message}</li>`)}</ul>`}
    ${dialog.base === undefined && !isConflict && html`<${Comparison} source=${source} text=${dialog.text} canCompare=${checked.data?.version !== null} asked=${0} onResult=${() => {}} />`}
    ${theirs !== null && html`<${Differences} base=${dialog.base ?? file.text} theirs=${theirs} mine=${dialog.text} />`}
  <//>`;
}

/** @param {{text: string, close: () => void, add: (text: string) => void}} props */
function NewTest({ text, close, add }) {
  const [edited, setEdited] = useState(text);
  return html`<${Dialog} title="A test of this event" open wide onClose=${close} actions=${html`<${Button} onClick=${close}>Not now<//><${Button} primary onClick=${() => add(edited)}>Add to the draft<//>`}>
    <${Banner} tone="warning">Check for personal data before you save: a deletion does not reach mapping files.<//>
    <textarea rows="16" aria-label="The test as YAML" value=${edited} onInput=${(/** @type {any} */ event) => setEdited(event.target.value)}></textarea><//>`;
}

/** A test at the end of `tests:`, which is added where there is none. @param {string} text @param {string} test */
function withTest(text, test) {
  const base = text.endsWith("\n") ? text : `${text}\n`;
  const lines = base.split("\n");
  const at = lines.findIndex((line) => /^tests:\s*(#.*)?$/.test(line));
  if (at < 0) return `${base}tests:\n${test}`;
  let end = lines.findIndex((line, index) => index > at && /^[^\s#-]/.test(line));
  if (end < 0) end = lines.length - 1;
  while (end > at + 1 && lines[end - 1]?.trim() === "") end -= 1;
  lines.splice(end, 0, ...test.replace(/\n$/, "").split("\n"));
  return lines.join("\n");
}

/** A suggested rule before the last one, which often takes all the rest. @param {string} text @param {string} rule */
function inserted(text, rule) {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^rules:\s*(#.*)?$/.test(line));
  if (start < 0) return `${text.replace(/\n*$/, "\n")}rules:\n${rule}`;
  let end = lines.findIndex((line, index) => index > start && /^[^\s#-]/.test(line));
  if (end < 0) end = lines.length;
  const last = lines.findLastIndex((line, index) => index > start && index < end && /^ {0,3}- /.test(line));
  lines.splice(last < 0 ? end : last, 0, ...rule.replace(/\n$/, "").split("\n"));
  return lines.join("\n");
}
