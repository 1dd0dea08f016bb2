// One mapping file: the editor, what the draft would do, and activating it. Nothing here sends anything to Browsee.
import { ApiError, api } from "../api.js";
import { asTest } from "../as-test.js";
import { ChangeDialog } from "../change.js";
import { Loaded, capitalized, useData } from "../data.js";
import { Time, count, plural } from "../format.js";
import { navigate } from "../router.js";
import { Activate, Activated, NewTest, withTest } from "../editor/activate.js";
import { compiles, keepDraft, keptDraft, useCheck } from "../editor/draft.js";
import { Author, Differences } from "../editor/differences.js";
import { createEditor, lineEndsOf } from "../editor/editor.js";
import { Comparison, History, Preview, Tests } from "../editor/panels.js";
import { kubectlPatch, patchOf } from "../editor/patch.js";
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
    const [file, schema, chosen, seen] = await Promise.all([
      api.get("/mapping", { source }, abort),
      api.get("/mapping/schema", {}, abort),
      chosenEvents(source, query, abort),
      seenOf(source, abort),
    ]);
    return { file, schema, chosen, seen };
  }, [source]);
  const { file, sources = [] } = loaded.data?.file ?? {};
  const lead = sources.length > 1 ? `Serves ${sources.join(", ")}; tried here as ${source}.` : `Source ${source}.`;
  const outlasting = { tab, setTab, done, setDone, goesOn };
  return html`<${Page} title=${file ?? source} tab=${`Mapping ${source}`} lead=${lead}>
    <${Loaded} of=${loaded} lines=${10}>${(/** @type {any} */ data) => html`
      <${Workbench} key=${data.file.etag} source=${source} query=${query} data=${data} reload=${loaded.reload} ...${outlasting} />`}<//>
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
  const ids = (/** @type {any[]} */ entries) => entries.map(({ id }) => id);
  if (query.cause) return ids(await of({ cause: query.cause, exact: query.exact, outcome: "dead", limit: MOST }));
  const [dead, newest] = await Promise.all([of({ outcome: "dead", limit: 4 }), of({ limit: 200 })]);
  const named = newest.filter((/** @type {any} */ entry) => entry.type && !entry.deleted);
  const byName = new Map(named.map((/** @type {any} */ entry) => [`${entry.type} ${entry.event}`, entry.id]));
  return [...new Set([...ids(dead), ...byName.values()])].slice(0, MOST);
}

/** Names and paths for completion. @param {string} source @param {AbortSignal} abort */
async function seenOf(source, abort) {
  try {
    const { names } = await api.get("/names", { source }, abort);
    const paths = new Map();
    for (const name of names) {
      for (const { path, types } of name.paths) paths.set(path, `${Object.keys(types).join(", ")}, in ${name.name ?? name.type}`);
    }
    const named = names.filter(({ name }) => name).map(({ name, events }) => ({ name: name ?? "", note: plural(events, "event") }));
    return { names: named, paths: [...paths].map(([path, note]) => ({ path, note })) };
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
    const made = createEditor({
      parent: /** @type {HTMLElement} */ (box.current), text, schema: data.schema, seen: () => data.seen,
      onChange: (next) => setText(lineEndsOf(file.text, next)), onCheck: check.again, onCompare: compare,
    });
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
  const isCurrent = check.checked !== null && check.of === text && !check.isBusy;
  const checks = isCurrent && check.checked.version !== null;
  const replace = (/** @type {string} */ next) => editor.current?.setText(next);
  const written = () => ({ text, base, at: new Date().toISOString() });
  const resume = () => {
    const { earlier = null, ...draft } = /** @type {import("../editor/draft.js").Kept} */ (offer);
    // Text written meanwhile is offered next.
    setOffer(isDraft ? { ...written(), earlier } : earlier);
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
    const isKept = /^\d+$/.test(event.id);
    const [kept] = isKept ? /** @type {any[]} */ ((await api.get("/event", { id: event.id })).found) : [];
    const message = isKept ? kept.message : messages[Number(event.id.split(" ")[1]) - 1];
    setDialog({ kind: "test", ...(await asTest({ source, type: event.type, event: event.event, message }, text)) });
  };
  const goTo = (/** @type {number} */ line, /** @type {number} */ column = 1) => editor.current?.goTo(line, column);
  const close = () => setDialog(null);
  const leave = (/** @type {() => void} */ change) => (close(), change(), reload());
  const activate = () => setDialog({ kind: "activate", text, etag: file.etag, base: base.text });
  const undo = () => setDialog({ kind: "activate", text: done.before, etag: done.etag });
  const rollBack = (/** @type {any} */ old) => setDialog({ kind: "activate", text: old.text, etag: file.etag, rollback: old.id });
  const forget = () => keepDraft(file.file, null, base, offer);
  const keepMine = () => leave(() => (goesOn.current = isDraft ? { ...written(), earlier: offer } : null));
  const end = (/** @type {any} */ result) => leave(() => (forget(), setDone({ ...result, before: file.text })));
  const insertTest = (/** @type {string} */ test) => (close(), replace(withTest(text, test)));
  const asked = events.length + messages.length;
  const previewed = { asked, checked: check.checked, error: check.error, add, remove, addTest };
  const tested = { checked: check.checked, goTo };
  const compared = { source, text, canCompare: isCurrent && compiles(check.checked), asked: compares, onResult: setSum };
  const history = { source, text, version: file.etag, open: replace, canWrite: file.writable, rollBack };
  const tabs = [
    { id: "preview", title: `Preview ${count(check.checked?.events.length ?? asked)}`, panel: () => html`<${Preview} ...${previewed} />` },
    { id: "tests", title: `Tests ${testCount(check.checked)}`, panel: () => html`<${Tests} ...${tested} />` },
    { id: "changes", title: "Changes", panel: () => html`<${Comparison} ...${compared} />` },
    { id: "history", title: "History", panel: () => html`<${History} ...${history} />` },
  ];
  return html`
    ${done && html`<${Activated} done=${done} query=${query} source=${source} undo=${undo} />`}
    ${file.problem && html`<${Banner} tone="danger">
      <strong>The file on disk has problems.</strong> Version ${file.active.version.slice(0, 8)} is active.<//>`}
    ${!file.writable && html`<${ReadOnly} file=${file} text=${text} />`}
    ${offer && html`<${Banner} actions=${html`<${Button} primary onClick=${resume}>Go on<//>
        <${Button} onClick=${() => setOffer(offer.earlier ?? null)}>Discard it<//>`}>
      Your draft of <${Time} at=${offer.at} />${offer.base.etag === file.etag ? "" : ", made from an earlier file"}.<//>`}
    ${resumed.current && hasRule.current && html`<${Banner}>
      The rule was added to your draft of <${Time} at=${resumed.current.at} />.<//>`}
    ${isBehind && html`<${Banner} tone="warning"
        actions=${html`<${Button} onClick=${() => setDialog({ kind: "differences" })}>See the differences<//>`}>
      The file was changed since your draft was begun
      ${file.problem ? "" : html` (<${Author} at=${file.active.since} by=${file.active.by} />)`}.
      ${" "}Activating your draft replaces that text; the history keeps it.<//>`}
    <div class="workbench-head">
      <div class="actions"><${State} file=${file} draft=${isDraft ? ((isCurrent && check.checked.version) || "") : null} />
        <span role="status"><${Verdict} check=${check} isCurrent=${isCurrent} /></span></div>
      <div class="actions">${isDraft && html`<${Button} quiet onClick=${() => replace(file.text)}>Undo all<//>`}
        ${file.writable && html`<${Button} primary disabled=${!isDraft || !checks} onClick=${activate}>Activate…<//>`}</div></div>
    <div class="workbench">
      <div class="editor-side"><div class="editor-box" ref=${box}></div>
        <p class="hint" id="editor-help">Escape then Tab leaves the editor. <kbd>Ctrl+Space</kbd> completes,${" "}
          <kbd>F8</kbd> goes to the next problem, <kbd>Ctrl+Enter</kbd> compares.</p>
        <${Findings} findings=${check.checked?.findings ?? []} goTo=${goTo} /></div>
      <${Tabs} label="Draft" selected=${tab} onSelect=${setTab} tabs=${tabs} /></div>
    ${dialog?.kind === "activate" && html`<${Activate} source=${source} file=${file} dialog=${dialog}
      guards=${(dialog.text === text && check.checked?.guards.gone) || null}
      previewed=${dialog.text === text ? (check.checked?.events ?? []) : []} sum=${sum?.of === dialog.text ? sum : null}
      close=${close} fromTheirs=${() => leave(forget)} keepMine=${keepMine} done=${end} />`}
    ${dialog?.kind === "differences" && html`<${Dialog} title="Your draft and the file" open wide onClose=${close}
      actions=${html`<${Button} onClick=${close}>Close<//>`}>
      <${Differences} base=${base.text} theirs=${file.text} mine=${text} /><//>`}
    ${dialog?.kind === "test" && html`<${NewTest} text=${dialog.text} kept=${dialog.kept} close=${close} add=${insertTest} />`}`;
}

/** What is in the editor. @param {{file: any, draft: string | null}} props `draft`: its version, "" while unknown */
function State({ file, draft }) {
  if (draft !== null) return html`<${Badge} outcome="info" text=${`draft ${draft.slice(0, 8)}`} />`;
  if (file.problem) return html`<${Badge} outcome="off" text="on disk, not active" />`;
  return html`<${Badge} outcome="ok" text=${`active ${file.active.version.slice(0, 8)}`} />`;
}

/** What to do with a draft of a file that cannot be written. @param {{file: any, text: string}} props */
function ReadOnly({ file, text }) {
  const save = () => download("mapping.patch", patchOf(file.file, file.text, text), "text/x-diff");
  const actions = html`<${Button} onClick=${save} disabled=${text === file.text}>Download patch<//>
    <${CopyButton} text=${() => text} label="Copy file" />
    ${file.configMapKey && html`<${CopyButton} text=${() => kubectlPatch(file.configMapKey, text)} label="Copy for kubectl" />`}`;
  return html`<${Banner} tone="warning" actions=${actions}>This file cannot be written here:${" "}
    <strong>${file.whyNot}</strong>. You can try changes and take them with you.<//>`;
}

/** @param {{findings: any[], goTo: (line: number, column?: number) => void}} props */
function Findings({ findings, goTo }) {
  const outcomeOf = (/** @type {any} */ { severity }) => ({ warning: "warning", note: "info" })[/** @type {"note"} */ (severity)] ?? "error";
  return findings.length > 0 && html`<ul class="findings" aria-label="Problems">${findings.map((finding) => html`<li>
    <button type="button" class="link" onClick=${() => goTo(finding.line, finding.column)}>${finding.line}:${finding.column}</button>
    <${Badge} outcome=${outcomeOf(finding)} text=${finding.code ?? finding.severity} /> <span>${finding.message}</span></li>`)}</ul>`;
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
