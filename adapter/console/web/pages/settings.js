// The settings in force and where each comes from; in the sandbox also how the stand-in for Browsee answers.
import { api, session } from "../api.js";
import { Failure, Loaded, useAction, useData } from "../data.js";
import { count, plural } from "../format.js";
import { Badge, Banner, Button, Card, Dialog, Field, Page, Table } from "../ui.js";
import { html, useState } from "../vendor/preact.js";

/** @typedef {{path: string, value: any, default: any, from: string, secret: boolean}} Setting */

const COLUMNS = [{ title: "Setting" }, { title: "Value", class: "half" }, { title: "Comes from" }];
const UNSTATED = new Set(["default", "not set"]);

export default function Settings() {
  const loaded = useData((abort) => api.get("/settings", {}, abort), []);
  return html`<${Page} title="Settings" lead="What the service runs with. Settings are read when it starts: change the file or the environment, then restart.">
    <div class="stack">
      ${session.value?.sandbox && html`<${StandIn} />`}
      <${Loaded} of=${loaded} lines=${8}>${(/** @type {any} */ data) => html`<${InForce} data=${data} />`}<//>
    </div>
  <//>`;
}

/** @param {{data: {version: string, file: string | null, settings: Setting[]}}} props */
function InForce({ data }) {
  const [onlyStated, setOnlyStated] = useState(false);
  const shown = data.settings.filter((setting) => !onlyStated || !UNSTATED.has(setting.from));
  return html`<div class="stack">
    <div class="filters settings-head"><dl class="facts"><dt>File</dt><dd>${data.file ? html`<code>${data.file}</code>` : "none: the environment alone"}</dd><dt>Version</dt><dd>${data.version}</dd></dl>
      <label class="check"><input type="checkbox" checked=${onlyStated} onChange=${(/** @type {any} */ event) => setOnlyStated(event.target.checked)} /> Only what was set</label></div>
    ${sections(shown).map(([title, settings]) => html`<${Card} key=${title} title=${title} class="in-force"><${Table} narrow caption=${`Settings: ${title}`} columns=${COLUMNS}>
      ${settings.map((setting) => html`<${Row} key=${setting.path} setting=${setting} title=${title} />`)}<//><//>`)}
    <p class="muted">Every setting is described in <code>docs/settings.md</code>; the API in <a href=${new URL("../openapi.yaml", document.baseURI.split("#")[0]).href}>openapi.yaml</a>.</p>
  </div>`;
}

/** By section: the service's own, then each source. @param {Setting[]} settings @returns {[string, Setting[]][]} */
function sections(settings) {
  /** @type {Map<string, Setting[]>} */
  const found = new Map();
  for (const setting of settings) {
    const words = setting.path.split(".");
    const title = words[0] === "sources" ? `Source ${words[1]}` : "Service";
    found.set(title, [...(found.get(title) ?? []), setting]);
  }
  return [...found];
}

/** @param {{setting: Setting, title: string}} props */
function Row({ setting, title }) {
  const isStated = !UNSTATED.has(setting.from);
  const name = title.startsWith("Source ") ? setting.path.split(".").slice(2).join(".") : setting.path;
  const differs = isStated && !setting.secret && setting.default !== null && JSON.stringify(setting.default) !== JSON.stringify(setting.value);
  return html`<tr class=${isStated ? "" : "unstated"}><th scope="row"><code>${name}</code></th>
    <td class="wide">${written(setting.value)}${differs && html` <span class="muted">(default ${written(setting.default)})</span>`}</td><td class="muted">${setting.from}</td></tr>`;
}

/** @param {any} value */
function written(value) {
  if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) return html`<span class="muted">none</span>`;
  if (value === "(set)") return html`<${Badge} outcome="ok" text="set" />`;
  return html`<code>${Array.isArray(value) ? value.join(", ") : String(value)}</code>`;
}

// -- the stand-in ----------------------------------------------------------------------------------------------------

function StandIn() {
  const loaded = useData((abort) => api.get("/sandbox", {}, abort), []);
  return html`<${Card} title="Stand-in for Browsee" lead="This is the sandbox: calls go to a stand-in that checks them as Browsee documents. Have it answer otherwise to see what the adapter does.">
    <${Loaded} of=${loaded}>${(/** @type {any} */ state) => html`<${Answering} state=${state} set=${loaded.set} />`}<//>
  <//>`;
}

/** @param {{state: any, set: (state: any) => void}} props */
function Answering({ state, set }) {
  const [limit, setLimit] = useState(state.limit ?? "");
  const [script, setScript] = useState(state.script);
  const { error, isBusy, run } = useAction();
  const [said, setSaid] = useState("");
  const [isClearing, setClearing] = useState(false);
  const change = (/** @type {any} */ body, /** @type {string} */ done) => run(async () => {
    setSaid("");
    set(await api.put("/sandbox", JSON.stringify(body), { "Content-Type": "application/json" }));
    setSaid(done);
  });
  const statuses = Object.entries(state.statuses).map(([status, n]) => `${count(/** @type {number} */ (n))} × ${status === "0" ? "connection closed" : status}`);
  return html`<div class="stack">
    <p>Answered <strong>${plural(state.calls, "call")}</strong>${statuses.length > 0 && `: ${statuses.join(", ")}`}. Each event shows the answers to its own calls.</p>
    <form class="stand-in" onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), change({ limit, script }, "Active from the next call on."))}>
      <${Field} label="Rate limit" hint="Beyond it calls are answered 429. Empty: no limit.">${(/** @type {string} */ id) => html`<input id=${id} value=${limit} placeholder="20/s" autocomplete="off" onInput=${(/** @type {any} */ event) => setLimit(event.target.value)} />`}<//>
      <${Field} label="Script of answers" hint=${html`YAML; the first rule that fits a call answers it. Keys: <code>when</code>, <code>nth</code>, <code>per</code>, <code>status</code>, <code>body</code>, <code>retry_after</code>, <code>delay_s</code>, <code>drop</code>.`}>
        ${(/** @type {string} */ id) => html`<textarea id=${id} rows="5" spellcheck="false" value=${script} placeholder=${"- when: {event: ORDER_COMPLETED}\n  nth: 1-3\n  status: 503"} onInput=${(/** @type {any} */ event) => setScript(event.target.value)}></textarea>`}<//>
      <div class="actions"><${Button} primary type="submit" disabled=${isBusy}>Apply<//><${Button} danger onClick=${() => setClearing(true)} disabled=${state.calls === 0}>Clear calls…<//><span role="status" class="muted">${said}</span></div>
    </form>
    ${error && html`<${Failure} error=${error} />`}
    <${Dialog} title="Clear the stand-in's calls" open=${isClearing} onClose=${() => setClearing(false)} actions=${html`<${Button} onClick=${() => setClearing(false)}>Keep them<//>
      <${Button} danger onClick=${() => (setClearing(false), change({ clear: true }, "Cleared."))}>Clear ${count(state.calls)}<//>`}>
      <p>The stand-in forgets <strong>${plural(state.calls, "call")}</strong>. Events and their outcomes stay.</p>
    <//>
    ${state.limit || state.script ? html`<${Banner} tone="warning">It does not answer as Browsee would: ${[state.limit && `at most ${state.limit}`, state.script && "by a script"].filter(Boolean).join(", ")}.<//>` : ""}
  </div>`;
}
