// An event as a test of its mapping: YAML with `given` and `expect`. Personal data become fixed examples, unless the
// mapping would then do something else.
import { api } from "./api.js";
import { Loaded, useData, whenFree } from "./data.js";
import { Banner, Button, CopyButton, Dialog } from "./ui.js";
import { html, useState } from "./vendor/preact.js";

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const IP4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const IP6 = /^[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}$/i;
/** Useless in a test: they differ with each message. */
const PASSING = new Set([
  "messageId", "sentAt", "receivedAt", "originalTimestamp", "timestamp", "writeKey", "request_ip",
]);

/** Whether a value is replaced: by its field in lower case without separators, its value and the names above. */
/** @typedef {(name: string, value: any, above: string[]) => boolean} IsOfKind */

/** What is replaced, by kind. @type {Record<string, {is: IsOfKind, by: (name: string, value: any) => any}>} */
const KINDS = {
  "e-mail addresses": { is: (name, value) => EMAIL.test(value), by: () => "ada@example.com" },
  "IP addresses": {
    is: (name, value) => IP4.test(value) || IP6.test(value),
    by: (name, value) => (IP4.test(value) ? "203.0.113.9" : "2001:db8::1"),
  },
  names: {
    is: (name, value, above) =>
      /^(first|last|middle|full|display|user|given|family|nick)name$/.test(name) ||
      (name === "name" && above.some((each) => /^(traits|user|customer|person)$/.test(each))),
    by: (name) => (/first|given|nick/.test(name) ? "Ada" : /last|family|middle/.test(name) ? "Berg" : "Ada Berg"),
  },
  "addresses and phones": {
    is: (name) => /(phone|mobile|street|address|city|zip|postalcode|postcode|birthday|birthdate)$/.test(name),
    by: (name) => {
      if (/phone|mobile/.test(name)) return "+44 20 7946 0000";
      if (/birth/.test(name)) return "1990-01-01";
      return /zip|postalcode|postcode/.test(name) ? "10115" : "Example Street 1";
    },
  },
  ids: {
    is: (name, value, above) =>
      /id$/.test(name) && (above.length > 0 || /^(user|anonymous|group|previous)id$/.test(name)),
    by: (name, value) => (typeof value === "number" ? 1 : `${name.replace(/id$/, "") || "id"}-1`),
  },
};

/** @param {any} value @param {string[]} kinds @param {string[]} [above] @returns {any} */
function replaced(value, kinds, above = []) {
  if (Array.isArray(value)) return value.map((each) => replaced(each, kinds, above));
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([name]) => above.length > 0 || !PASSING.has(name));
  return Object.fromEntries(kept.map(([name, each]) => [name, replacedMember(name, each, kinds, above)]));
}

/** @param {string} name @param {any} value @param {string[]} kinds @param {string[]} above @returns {any} */
function replacedMember(name, value, kinds, above) {
  if (value !== null && typeof value === "object") return replaced(value, kinds, [...above, name.toLowerCase()]);
  if (typeof value !== "string" && typeof value !== "number") return value;
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  const kind = kinds.find((word) => KINDS[word]?.is(plain, value, above));
  return kind ? KINDS[kind]?.by(plain, value) : value;
}

/** The result of a mapping without the values: equal words mean equal tests. @param {any} mapped */
function shape(mapped) {
  const problems = mapped.problems?.map((/** @type {any} */ each) => each.message);
  const calls = mapped.calls?.map((/** @type {any} */ { kind, rule, body }) => [
    kind, rule, body.event,
    Object.entries(body.properties ?? body.traits ?? {}).map(([name, value]) => `${name} ${typeof value}`).sort(),
  ]);
  return JSON.stringify([mapped.outcome, mapped.rule, problems, calls]);
}

/**
 * The test, and the kinds of personal data that had to stay.
 * @param {{source: string, type: string, event: any, message: any}} entry
 * @param {string} mapping the text to test; one with errors is tested as it was last active
 * @param {AbortSignal} [abort]
 * @returns {Promise<{text: string, kept: string[]}>}
 */
export async function asTest(entry, mapping, abort) {
  const map = async (/** @type {any[]} */ messages) => {
    const draft = { source: entry.source, text: mapping, messages };
    const { events } = await whenFree(() => api.post("/mapping/check", draft, {}, abort), abort);
    return events.map((/** @type {any} */ event) => event.now ?? event.was);
  };
  const all = Object.keys(KINDS);
  const of = (/** @type {string[]} */ kinds) => replaced(entry.message, kinds);
  const [as, without] = await map([of([]), of(all)]);
  if (shape(as) === shape(without)) return { text: written(entry, of(all), without), kept: [] };
  const alone = await map(all.map((kind) => of([kind])));
  const harmless = all.filter((_, index) => shape(alone[index]) === shape(as));
  const [last] = await map([of(harmless)]);
  if (shape(last) !== shape(as)) return { text: written(entry, of([]), as), kept: all };
  return { text: written(entry, of(harmless), last), kept: all.filter((kind) => !harmless.includes(kind)) };
}

/** @param {{type: string, event: any}} entry @param {any} given @param {any} mapped */
function written(entry, given, mapped) {
  const name = `${entry.type} ${typeof entry.event === "string" ? entry.event : ""}`.trim();
  return `${yaml([{ name, given, expect: expected(mapped) }], "")}\n`;
}

/** @param {any} mapped */
function expected(mapped) {
  if (mapped.outcome === "dropped") return { drop: mapped.text && mapped.text.length <= 200 ? mapped.text : true };
  if (mapped.outcome === "unmatched") return { unmatched: true };
  if (mapped.outcome === "rejected") return { reject: mapped.problems[0]?.message ?? "" };
  return mapped.calls.map((/** @type {any} */ { kind, body }) =>
    kind === "track"
      ? { track: body.event, properties: body.properties ?? {} }
      : { identify: true, traits: body.traits ?? {} },
  );
}

const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$/;
const RESERVED = /^(true|false|null|yes|no|on|off|y|n)$/i;

/** @param {string} text */
const scalar = (text) => (PLAIN.test(text) && !RESERVED.test(text) ? text : JSON.stringify(text));

/** Block YAML. @param {any} value @param {string} indent @returns {string} */
function yaml(value, indent) {
  if (typeof value === "string") return scalar(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (!isBlock(value)) return Array.isArray(value) ? "[]" : "{}";
  if (Array.isArray(value)) {
    // Lists within lists are JSON, which is YAML too.
    const text = (/** @type {any} */ each) => (Array.isArray(each) ? JSON.stringify(each) : yaml(each, `${indent}  `).trimStart());
    return value.map((each) => `${indent}- ${text(each)}`).join("\n");
  }
  const members = Object.entries(value).map(([name, each]) => {
    const below = isBlock(each) ? `\n${yaml(each, `${indent}  `)}` : ` ${yaml(each, indent)}`;
    return `${indent}${scalar(name)}:${below}`;
  });
  return members.join("\n");
}

/** @param {any} value */
const isBlock = (value) => value !== null && typeof value === "object" && Object.keys(value).length > 0;

/** What a person checks before a test is saved. @param {{kept: string[]}} props of `asTest` */
export function PersonalData({ kept }) {
  const said = kept.length > 0
    ? `The rule's result depends on ${kept.join(", ")}: they stay as they are.`
    : "Ids, e-mail addresses, names, addresses and IPs are replaced by examples.";
  return html`<${Banner} tone="warning">
    ${said} Check for personal data before you save: a deletion does not reach mapping files.<//>`;
}

/** The button, and the dialog that it opens. @param {{entry: any}} props */
export function CopyAsTest({ entry }) {
  const [isOpen, setOpen] = useState(false);
  return html`<${Button} onClick=${() => setOpen(true)}>Copy as a test…<//>
    ${isOpen && html`<${TestDialog} entry=${entry} close=${() => setOpen(false)} />`}`;
}

/** @param {{entry: any, close: () => void}} props */
function TestDialog({ entry, close }) {
  const test = useData(async (abort) => {
    const { text } = await api.get("/mapping", { source: entry.source }, abort);
    return asTest(entry, text, abort);
  }, [entry.id]);
  const copy = test.data && html`<${CopyButton} primary quiet=${false} label="Copy" text=${test.data.text} />`;
  const actions = html`<${Button} onClick=${close}>Close<//>${copy}`;
  return html`<${Dialog} wide title="Copy as a test" open onClose=${close} actions=${actions}>
    <p>For <code>tests:</code> of the mapping: the message, and what the active mapping makes of it.</p>
    <${Loaded} of=${test}>${(/** @type {any} */ { text, kept }) => html`
      <${PersonalData} kept=${kept} />
      <pre tabindex="0" role="group" aria-label="The test">${text}</pre>`}<//>
  <//>`;
}
