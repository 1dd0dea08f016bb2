// Who sends: how each source is set up, whether it sends, what it was refused, and how to set up a sender.
import { api } from "../api.js";
import { Failure, Loaded, useAction, useAgain, useData } from "../data.js";
import { Time, ago, count, duration, size } from "../format.js";
import { href } from "../router.js";
import { subscribe } from "../stream.js";
import { Badge, Button, Card, CopyButton, Dialog, Field, Page, Tabs } from "../ui.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { KEY, SENDERS, baseAddress, fitsPlatforms } from "./senders.js";

const AGAIN_MS = 3_000;
const QUIET_MS = 86_400_000;

export default function Sources() {
  const loaded = useData((abort) => api.get("/sources", {}, abort), []);
  // New events are heard at once, requests that were refused every 3 s.
  useAgain(loaded.reload, AGAIN_MS, true);
  useEffect(() => subscribe({ events: loaded.reload, resync: loaded.reload }), []);
  return html`<${Page} title="Sources" lead="A source is one sender, with keys and a mapping of its own. Add one under sources in the settings file, then restart.">
    <${Loaded} of=${loaded} lines=${6}>${(/** @type {any} */ data) => html`<div class="stack">${data.sources.map((/** @type {any} */ source) => html`<${Source} key=${source.name} source=${source} base=${baseAddress(data.adminListen)} />`)}</div>`}<//>
  <//>`;
}

/** @param {{source: any, base: string}} props */
function Source({ source, base }) {
  const [isOpen, setOpen] = useState(source.lastEvent === null);
  const [shown, setShown] = useState("");
  return html`<${Card} title=${source.name} actions=${html`<${State} source=${source} />`}>
    <dl class="facts">
      <dt>Mapping</dt><dd><a href=${href(`/mappings/${encodeURIComponent(source.name)}`)} title=${source.mapping}>${source.mapping.split("/").at(-1)}</a></dd>
      <dt>Order</dt><dd>${source.order === "user" ? "in order for each user" : "none: events wait for no earlier ones"}</dd>
      <dt>Stores</dt><dd>${source.store === "raw" ? "messages as sent" : "privately: what its mapping guards is removed before anything is stored"}</dd>
      <dt>Limit</dt><dd>${limits(source)}</dd>
      <dt>Retry horizon</dt><dd>${duration(source.horizonS)}, how long its sender retries what was refused</dd>
      <dt>Signature</dt><dd>${source.signing ? "required" : "not asked for"}</dd>
      <dt>${source.keys.length === 1 ? "Key" : "Keys"}</dt><dd>${source.keys.map((/** @type {any} */ key) => html`<${Key} key=${key.name} source=${source.name} named=${key} show=${setShown} />`)}</dd>
    </dl>
    <${Refused} refused=${source.refused} />
    <details class="setup" open=${isOpen} onToggle=${(/** @type {any} */ event) => setOpen(event.target.open)}><summary>Set up a sender</summary>
      ${isOpen && html`<${SetUp} source=${source} base=${base} shown=${shown} />`}</details>
  <//>`;
}

/** Whether it sends. @param {{source: any}} props */
function State({ source }) {
  const last = source.lastEvent;
  if (!last) return html`<span role="status"><${Badge} outcome="pending" text="waiting for its first event" /></span>`;
  const isQuiet = Date.now() - Date.parse(last.at) > QUIET_MS;
  const link = html`<a href=${href(`/events/${last.id}`)}>${typeof last.event === "string" ? last.event : (last.type ?? "a rejected message")}</a>`;
  if (isQuiet) return html`<span role="status"><${Badge} outcome="warning" text=${`nothing for ${duration((Date.now() - Date.parse(last.at)) / 1000)}`} /> last ${link}</span>`;
  const [outcome, text] = last.outcome === "rejected" ? ["rejected", "last message rejected"] : ["ok", "receiving"];
  return html`<span role="status"><${Badge} outcome=${outcome} text=${text} /> <span class="muted">${ago(last.at)}:</span> ${link}</span>`;
}

/** @param {any} source */
function limits(source) {
  const found = [source.limitPerS && `${count(source.limitPerS)} messages/s`, source.limitBytesPerS && `${size(source.limitBytesPerS)}/s`].filter(Boolean);
  return found.join(", ") || "none";
}

/** @param {{refused: any[]}} props */
function Refused({ refused }) {
  return refused.length > 0 && html`<div class="refused"><h3>Refused in the last hour</h3><ul>${refused.map((each) => html`<li><${Badge} outcome="error" text=${`${count(each.count)} × 401`} /> ${each.says} <span class="muted">(last <${Time} at=${each.last} />)</span></li>`)}</ul></div>`;
}

// -- keys ------------------------------------------------------------------------------------------------------------

/** `show` gets the key while it is shown, for the steps below. @param {{source: string, named: {name: string, lastUsed: string | null}, show: (key: string) => void}} props */
function Key({ source, named, show }) {
  const [key, put] = useState("");
  const setKey = (/** @type {string} */ next) => (put(next), show(next));
  const [isAsking, setAsking] = useState(false);
  const used = named.lastUsed ? html`last used <${Time} at=${named.lastUsed} />` : "not used since the service started";
  return html`<div class="source-key">${key ? html`<code>${key}</code> <${CopyButton} text=${key} aria-label="Copy the key" /><${Button} quiet onClick=${() => setKey("")}>Hide<//>` : html`<code>key ${named.name}</code> <${Button} quiet onClick=${() => setAsking(true)}>Show key…<//>`}
    <span class="muted">${used}</span>
    <${AskToken} open=${isAsking} close=${() => setAsking(false)} found=${setKey} ask=${(/** @type {string} */ token) => api.post("/sources/key", { source, key: named.name, token })} /></div>`;
}

/** @param {{open: boolean, close: () => void, found: (key: string) => void, ask: (token: string) => Promise<{key: string}>}} props */
function AskToken({ open, close, found, ask }) {
  const [token, setToken] = useState("");
  const { error, isBusy, run, clear } = useAction();
  const end = () => (setToken(""), clear(), close());
  const show = async () => (found((await ask(token)).key), end());
  const isWrong = error?.status === 401;
  return html`<${Dialog} title="Show the key" open=${open} onClose=${end}>
    <form class="stack" onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), run(show))}><p>Whoever has the key can send events as this source. The log notes that it was shown.</p>
      <${Field} label="Admin token" hint="admin_token of the settings, or of generated-secrets.json beside the queue" error=${isWrong ? "That is not the token." : ""}>${(/** @type {string} */ id) => html`<input id=${id} type="password" autocomplete="current-password" required value=${token} onInput=${(/** @type {any} */ event) => setToken(event.target.value)} />`}<//>
      ${error && !isWrong && html`<${Failure} error=${error} />`}
      <div class="actions end"><${Button} onClick=${end}>Cancel<//><${Button} primary type="submit" disabled=${isBusy}>Show key<//></div></form>
  <//>`;
}

// -- set-up ----------------------------------------------------------------------------------------------------------

/** @param {{source: any, base: string, shown: string}} props */
function SetUp({ source, base, shown }) {
  const [address, setAddress] = useState(base);
  const [sender, setSender] = useState("segment");
  const clean = address.trim().replace(/\/+$/, "") || base;
  const tabs = SENDERS.map(({ id, title, steps }) => ({
    id, title,
    panel: () => html`<ol class="steps">
      ${steps({ address: clean, source: source.name, signing: source.signing, key: shown || KEY }).map((step) => html`<li><p>${step.text}</p>
        ${step.copy && html`<div class="copy"><pre tabindex="0">${step.copy}</pre><${CopyButton} text=${step.copy} aria-label=${`Copy: ${step.text}`} /></div>`}</li>`)}
      <li><${Waiting} source=${source} /></li></ol>`,
  }));
  return html`<div class="stack">
    <${Field} label="Base address" hint=${fitsPlatforms(clean) ? "Where senders reach this service." : "Where senders reach this service. Segment and RudderStack need https on a host name."}>
      ${(/** @type {string} */ id) => html`<input id=${id} class="base" type="url" value=${address} onInput=${(/** @type {any} */ event) => setAddress(event.target.value)} />`}<//>
    <${Tabs} label="Sender" tabs=${tabs} selected=${sender} onSelect=${setSender} />
    <p class="muted">${!shown && html`Show key… puts the key of this source in place of <code>${KEY}</code>. `}More senders are in <code>docs/senders.md</code>.</p>
  </div>`;
}

/** The last step, which turns by itself. @param {{source: any}} props */
function Waiting({ source }) {
  const [refused] = source.refused;
  const last = source.lastEvent;
  if (last && (!refused || Date.parse(last.at) >= Date.parse(refused.last)))
    return html`<p role="status"><${Badge} outcome="ok" text="came" /> ${ago(last.at)}: <a href=${href(`/events/${last.id}`)}>${typeof last.event === "string" ? last.event : (last.type ?? "a rejected message")}</a></p>`;
  if (refused) return html`<p role="status"><${Badge} outcome="error" text="refused" /> 401: ${refused.says}</p>`;
  return html`<p role="status"><${Badge} outcome="pending" text="waiting for the first event" /> Send one: this line changes by itself.</p>`;
}
