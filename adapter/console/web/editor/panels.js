// The panels beside the editor: what becomes of chosen events, how the tests end, what would change, what was active.
import { ApiError, api } from "../api.js";
import { Failure, Loaded, capitalized, useData, whenFree } from "../data.js";
import { Time, ago, count, plural, visible } from "../format.js";
import { href } from "../router.js";
import { Badge, Banner, Button, Empty, Field, JsonView, Skeleton, Table } from "../ui.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { added, compiles } from "./draft.js";
import { Diff } from "./differences.js";

const WORDS = /** @type {Record<string, string[]>} */ ({ sent: ["delivered", "sent"], rejected: ["dead", "refused"], dropped: ["dropped", "dropped"], unmatched: ["unmatched", "no rule"] });
const ALL = 1_000_000;
const FIRST = 10_000;
const DAY_MS = 86_400_000;

/** @param {{outcome: string | undefined}} props */
function Word({ outcome }) {
  const [badge, text] = WORDS[outcome ?? ""] ?? ["off", "–"];
  return html`<${Badge} outcome=${badge} text=${text} />`;
}

/** How many events of the preview become something else. @param {{events: any[]}} props */
export function Becoming({ events }) {
  const counts = new Map();
  for (const { was, now } of events.filter((event) => event.was.outcome !== event.now?.outcome)) {
    const key = `${was.outcome} ${now?.outcome}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  if (counts.size === 0) return events.length > 0 && html`<p>No event of the ${count(events.length)} in the preview gets another outcome.</p>`;
  return html`<p>Of ${plural(events.length, "event")} in the preview:</p>
    <ul class="becoming">${[...counts].map(([key, n]) => html`<li>
      <${Word} outcome=${key.split(" ")[0]} /> → <${Word} outcome=${key.split(" ")[1]} />: <strong>${plural(n, "event")}</strong></li>`)}</ul>`;
}

/** @param {{asked: number, checked: any, add: (text: string) => string, remove: (id: string) => void, addTest: (event: any) => void, error: ApiError | null}} props */
export function Preview({ asked, checked, add, remove, addTest, error }) {
  const [problem, setProblem] = useState("");
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const said = add(event.target.elements.added.value.trim());
    setProblem(said);
    if (!said) event.target.reset();
  };
  return html`<div class="stack">
    <form class="inline-form" onSubmit=${submit}><${Field} label="Add an event" error=${problem}>${(/** @type {string} */ id) => html`<textarea id=${id} name="added" rows="1" placeholder='4711, or {"type": "track", …}'></textarea>`}<//><${Button} type="submit">Add<//></form>
    ${error && html`<${Failure} error=${error} />`}
    ${!checked && !error && html`<${Skeleton} lines=${4} />`}
    ${checked?.events.length < asked && html`<p class="muted">${plural(asked - checked.events.length, "event")} can no longer be tried.</p>`}
    ${checked && !compiles(checked) && html`<p class="muted">The draft has errors, so the preview shows the active mapping alone.</p>`}
    ${checked?.events.length === 0 && html`<${Empty} title="No event to try"><p>Add the id of an event, or paste a message.</p><//>`}
    ${checked?.events.map((/** @type {any} */ event) => html`<details class="previewed" key=${event.id}>
      <summary><span class="clip">${visible(`${event.type} ${event.event ?? ""}`)} <span class="muted">${event.id}</span></span> <span class="previewed-words"><${Word} outcome=${event.was.outcome} /> → <${Word} outcome=${event.now?.outcome} /></span></summary>
      ${event.now && html`<${Changes} changes=${event.changes} />`}
      ${event.now && event.now.outcome === "rejected" && html`<ul class="problems">${event.now.problems.map((/** @type {any} */ each) => html`<li><code>${each.pointer}</code> ${each.message}</li>`)}</ul>`}
      ${event.now?.outcome === "unmatched" && event.now.hint && html`<p class="muted">${event.now.hint}</p>`}
      ${event.now?.outcome === "dropped" && html`<p class="muted">${event.now.rule}: ${event.now.text}</p>`}
      ${(event.now?.calls ?? []).map((/** @type {any} */ call, /** @type {number} */ n) => html`<${JsonView} value=${call.body} name="call" label=${`Call ${n + 1}: ${call.kind}`} />`)}
      <div class="actions">${/^\d+$/.test(event.id) && html`<a class="button quiet" href=${href(`/events/${event.id}`)}>Open event ${event.id}</a>`}
        ${event.now && html`<${Button} quiet onClick=${() => addTest(event)}>Add a test of it<//>`}<${Button} quiet onClick=${() => remove(event.id)}>Remove<//></div>
    </details>`)}
  </div>`;
}

/** @param {{changes: any[]}} props */
function Changes({ changes }) {
  if (changes.length === 0) return html`<p class="muted">Nothing changes for it.</p>`;
  return html`<ul class="changes">${changes.map((change) => html`<li>${change.path && html`<code>${change.path}</code> `}${change.call > 1 ? `(call ${change.call}) ` : ""}
    ${change.before !== null && html`<del>${change.before}</del> `}${change.after !== null && html`<ins>${change.after}</ins>`}</li>`)}</ul>`;
}

/** @param {{checked: any, goTo: (line: number) => void}} props */
export function Tests({ checked, goTo }) {
  if (!checked) return html`<${Skeleton} lines=${3} />`;
  if (checked.tests.length === 0) return html`<${Empty} title=${checked.version ? "The file has no tests" : "The tests run once there are no errors"}><p>With tests, a change that breaks a rule cannot be activated. Add one from an event under Preview.</p><//>`;
  return html`<ul class="tests">${checked.tests.map((/** @type {any} */ test) => html`<li><${Badge} outcome=${test.passed ? "ok" : "error"} text=${test.passed ? "passes" : "fails"} />
    <button type="button" class="link" onClick=${() => goTo(test.line)}>${test.name}</button>${test.difference && html`<p class="muted">${capitalized(test.difference)}</p>`}</li>`)}</ul>`;
}

/** What the draft would do to recorded events, page by page. @param {{source: string, text: string, canCompare: boolean, asked: number, onResult: (sum: any) => void}} props */
export function Comparison({ source, text, canCompare, asked, onResult }) {
  const [state, setState] = useState(/** @type {{sum: any, isBusy: boolean, error: ApiError | null, of: string, all: boolean}} */ ({ sum: null, isBusy: false, error: null, of: "", all: false }));
  const stop = useRef(new AbortController());
  const run = async (/** @type {boolean} */ all) => {
    stop.current.abort();
    stop.current = new AbortController();
    const { signal } = stop.current;
    setState({ sum: null, isBusy: true, error: null, of: text, all });
    const since = all ? undefined : new Date(Date.now() - DAY_MS).toISOString();
    let sum = null;
    try {
      for (let before = /** @type {string | undefined} */ (undefined); ; ) {
        /** @type {any} */
        const page = await whenFree(() => api.post("/mapping/compare", { source, text, ...(since && { since }), ...(before && { before }) }, {}, signal), signal);
        sum = added(sum, page);
        before = page.next;
        const isDone = !before || sum.events >= (all ? ALL : FIRST);
        setState({ sum, isBusy: !isDone, error: null, of: text, all });
        if (isDone) break;
      }
      onResult({ ...sum, of: text });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      setState({ sum, isBusy: false, error, of: text, all });
    }
  };
  useEffect(() => {
    if (canCompare && asked > 0) void run(false);
  }, [asked]);
  useEffect(() => () => stop.current.abort(), []);
  const { sum } = state;
  return html`<div class="stack">
    <div class="actions"><${Button} primary=${!sum} disabled=${!canCompare || state.isBusy} onClick=${() => run(false)}>${state.isBusy ? "Comparing" : "Compare with recorded events"}<//>
      ${sum && !state.isBusy && !state.all && html`<${Button} quiet onClick=${() => run(true)}>All that is kept<//>`}${state.isBusy && html`<${Button} quiet onClick=${() => (stop.current.abort(), setState((now) => ({ ...now, isBusy: false })))}>Stop<//>`}</div>
    ${!canCompare && html`<p class="muted">A text with errors cannot be compared.</p>`}
    ${state.isBusy && html`<progress aria-label="Comparing" value=${sum?.events ?? 0} max=${state.all ? Math.max(ALL / 10, (sum?.events ?? 0) * 2) : FIRST}></progress>`}
    ${state.error && html`<${Failure} error=${state.error} retry=${() => run(state.all)} />`}
    ${sum && state.of !== text && html`<${Banner} tone="warning">The draft was changed since this comparison.<//>`}
    ${sum && html`<p role="status"><strong>${plural(sum.events, "recorded event")}</strong>: ${count(sum.same)} the same, <strong>${count(sum.different)} different</strong>.${state.all ? "" : " The newest of 24 hours."}</p>
      ${sum.outcomes.length > 0 &&
        html`<${Table} caption="Outcomes" columns=${[{ title: "Now" }, { title: "Then" }, { title: "Events", class: "number" }]}>
        ${sum.outcomes.map((/** @type {any} */ each) => html`<tr><td>${each.from}</td><td>${each.to}</td><td class="number">${count(each.events)}</td></tr>`)}<//>`}
      ${sum.unmatchedTaken.length > 0 && html`<p>A rule takes these names now: ${sum.unmatchedTaken.map((/** @type {any} */ each) => `${each.name} (${count(each.events)})`).join(", ")}.</p>`}
      ${sum.changes.map((/** @type {any} */ change) => html`<details class="previewed" key=${change.what}><summary><span class="clip">${change.what}</span> <strong>${count(change.events)}</strong></summary>
        <p class="muted">${change.of}, for example <a href=${href(`/events/${encodeURIComponent(change.examples[0])}`)}>${change.examples[0]}</a></p>
        <${Changes} changes=${change.first.map((/** @type {any} */ each) => ({ ...each, path: each.place }))} /></details>`)}`}
  </div>`;
}

/** @param {{source: string, text: string, version: string, open: (text: string) => void, rollBack: (version: any) => void, canWrite: boolean}} props */
export function History({ source, text, version, open, rollBack, canWrite }) {
  const history = useData((abort) => api.get("/mapping/history", { source, limit: 100 }, abort), [source, version]);
  const [shown, setShown] = useState(/** @type {any} */ (null));
  const load = async (/** @type {string} */ id) => api.get("/mapping/version", { source, id });
  return html`<div class="stack"><${Loaded} of=${history}>${(/** @type {any} */ { versions }) => html`<ol class="history">
      ${versions.map((/** @type {any} */ each) => html`<li key=${each.id}><div><span class="mono">${each.version.slice(0, 8) || "does not check"}</span> ${each.active && html`<${Badge} outcome="ok" text="active" />`}
        <p class="muted"><${Time} at=${each.at} /> (${ago(each.at)}), by ${each.by}</p></div>
        <div class="actions"><${Button} quiet onClick=${async () => setShown(await load(each.id))}>Compare<//><${Button} quiet onClick=${async () => open((await load(each.id)).text)}>Open as draft<//>
          ${!each.active && canWrite && html`<${Button} quiet onClick=${async () => rollBack(await load(each.id))}>Roll back…<//>`}</div></li>`)}</ol>`}<//>
    ${shown && html`<${Diff} caption=${`Version ${shown.version.slice(0, 8)} beside the draft`} before=${shown.text} after=${text} />`}</div>`;
}
