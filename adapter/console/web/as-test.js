// An event as a test of its mapping: YAML with `given` and `expect`. Personal data become fixed examples, unless the
// mapping would then do something else.
import { ApiError, api } from "./api.js";
import { Loaded, useData } from "./data.js";
import { Banner, Button, CopyButton, Dialog } from "./ui.js";
import { html, useState } from "./vendor/preact.js";

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const IP4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const IP6 = /^[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}$/i;
/** Useless in a test: they differ with each message. */
const PASSING = new Set(["messageId", "sentAt", "receivedAt", "originalTimestamp", "timestamp", "writeKey", "request_ip"]);

/**
 * What is replaced, by kind: `is` sees the name of a field in lower case without separators, its value and the names above.
 * @type {Record<string, {is: (name: string, value: any, above: string[]) => boolean, by: (name: string, value: any) => any}>}
 */
const KINDS = {
  "e-mail addresses": { is: (name, value) => EMAIL.test(value), by: () => "ada@example.com" },
  "IP addresses": { is: (name, value) => IP4.test(value) || IP6.test(value), by: (name, value) => (IP4.test(value) ? "203.0.113.9" : "2001:db8::1") },
  names: {
    is: (name, value, above) => /^(first|last|middle|full|display|user|given|family|nick)name$/.test(name) || (name === "name" && above.some((each) => /^(traits|user|customer|person)$/.test(each))),
    by: (name) => (/first|given|nick/.test(name) ? "Ada" : /last|family|middle/.test(name) ? "Berg" : "Ada Berg"),
  },
  "addresses and phones": {
    is: (name) => /(phone|mobile|street|address|city|zip|postalcode|postcode|birthday|birthdate)$/.test(name),
    by: (name) => (/phone|mobile/.test(name) ? "+44 20 7946 0000" : /birth/.test(name) ? "1990-01-01" : /zip|postalcode|postcode/.test(name) ? "10115" : "Example Street 1"),
  },
  ids: { is: (name, value, above) => /id$/.test(name) && (above.length > 0 || /^(user|anonymous|group|previous)id$/.test(name)), by: (name, value) => (typeof value === "number" ? 1 : `${name.replace(/id$/, "") || "id"}-1`) },
};

/** @param {any} value @param {string[]} kinds @param {string[]} [above] @returns {any} */
function replaced(value, kinds, above = []) {
  if (Array.isArray(value)) return value.map((each) => replaced(each, kinds, above));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => above.length > 0 || !PASSING.has(name)).map(([name, each]) => {
    if (each !== null && typeof each === "object") return [name, replaced(each, kinds, [...above, name.toLowerCase()])];
    const plain = name.toLowerCase().replace(/[^a-z0-9]/g, "");
    const kind = typeof each === "string" || typeof each === "number" ? kinds.find((word) => KINDS[word]?.is(plain, each, above)) : undefined;
    return [name, kind ? KINDS[kind]?.by(plain, each) : each];
  }));
}

/** The result of a mapping without the values: equal words mean equal tests. @param {any} mapped */
const shape = (mapped) => JSON.stringify([mapped.outcome, mapped.rule, mapped.problems?.map((/** @type {any} */ each) => each.message),
  mapped.calls?.map((/** @type {any} */ call) => [call.kind, call.rule, call.body.event, fields(call.body.properties ?? call.body.traits ?? {})])]);

/** @param {any} values */
const fields = (values) => Object.entries(values).map(([name, value]) => `${name} ${typeof value}`).sort();

/**
 * The test, and the kinds of personal data that had to stay.
 * @param {any} entry
 * @param {AbortSignal} abort
 * @returns {Promise<{text: string, kept: string[]}>}
 */
export async function asTest(entry, abort) {
  const { text: mapping } = await api.get("/mapping", { source: entry.source }, abort);
  const map = async (/** @type {any[]} */ messages) => (await api.post("/mapping/check", { source: entry.source, text: mapping, messages }, {}, abort)).events.map((/** @type {any} */ event) => event.was);
  const all = Object.keys(KINDS);
  const given = replaced(entry.message, []);
  const [as, without] = await map([given, replaced(entry.message, all)]);
  if (shape(as) === shape(without)) return { text: written(entry, replaced(entry.message, all), without), kept: [] };
  const alone = await map(all.map((kind) => replaced(entry.message, [kind])));
  const harmless = all.filter((_, index) => shape(alone[index]) === shape(as));
  const [last] = await map([replaced(entry.message, harmless)]);
  if (shape(last) === shape(as)) return { text: written(entry, replaced(entry.message, harmless), last), kept: all.filter((kind) => !harmless.includes(kind)) };
  return { text: written(entry, given, as), kept: all };
}

/** @param {any} entry @param {any} given @param {any} mapped */
function written(entry, given, mapped) {
  const name = `${entry.type} ${typeof entry.event === "string" ? entry.event : ""}`.trim();
  return `${yaml([{ name, given, expect: expected(mapped) }], "")}\n`;
}

/** @param {any} mapped */
function expected(mapped) {
  if (mapped.outcome === "dropped") return { drop: mapped.text && mapped.text.length <= 200 ? mapped.text : true };
  if (mapped.outcome === "unmatched") return { unmatched: true };
  if (mapped.outcome === "rejected") return { reject: mapped.problems[0]?.message ?? "" };
  return mapped.calls.map((/** @type {any} */ { kind, body }) => (kind === "track" ? { track: body.event, properties: body.properties ?? {} } : { identify: true, traits: body.traits ?? {} }));
}

const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$/;
const RESERVED = /^(true|false|null|yes|no|on|off|y|n)$/i;

/** @param {string} text */
const scalar = (text) => (PLAIN.test(text) && !RESERVED.test(text) ? text : JSON.stringify(text));

/** Block YAML. @param {any} value @param {string} indent @returns {string} */
function yaml(value, indent) {
  if (typeof value === "string") return scalar(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return value.map((each) => `${indent}- ${isBlock(each) && !Array.isArray(each) ? yaml(each, `${indent}  `).trimStart() : flow(each)}`).join("\n");
  }
  const members = Object.entries(value);
  if (members.length === 0) return "{}";
  return members.map(([name, each]) => `${indent}${scalar(name)}:${isBlock(each) ? `\n${yaml(each, `${indent}  `)}` : ` ${yaml(each, indent)}`}`).join("\n");
}

/** @param {any} value */
const isBlock = (value) => value !== null && typeof value === "object" && Object.keys(value).length > 0;

/** @param {any} value */
const flow = (value) => (isBlock(value) ? JSON.stringify(value) : yaml(value, ""));

/** The button, and the dialog that it opens. @param {{entry: any}} props */
export function CopyAsTest({ entry }) {
  const [isOpen, setOpen] = useState(false);
  return html`<${Button} onClick=${() => setOpen(true)}>Copy as a test…<//>${isOpen && html`<${TestDialog} entry=${entry} close=${() => setOpen(false)} />`}`;
}

/** @param {{entry: any, close: () => void}} props */
function TestDialog({ entry, close }) {
  const test = useData((abort) => asTest(entry, abort).catch(busy), [entry.id]);
  return html`<${Dialog} wide title="Copy as a test" open onClose=${close}
    actions=${html`<${Button} onClick=${close}>Close<//>${test.data && html`<${CopyButton} primary quiet=${false} label="Copy" text=${test.data.text} />`}`}>
    <p>For <code>tests:</code> of the mapping: the message, and what the active mapping makes of it.</p>
    <${Loaded} of=${test}>${(/** @type {any} */ { text, kept }) => html`
      <${Banner} tone="warning">${kept.length > 0 ? `The rule's result depends on ${kept.join(", ")}: they stay as they are. ` : "Ids, e-mail addresses, names, addresses and IPs are replaced by examples. "}Check for personal data before you save: a deletion does not reach mapping files.<//>
      <pre tabindex="0" role="group" aria-label="The test">${text}</pre>`}<//>
  <//>`;
}

/** A check that another one replaced has not failed. @param {unknown} error */
function busy(error) {
  if (error instanceof ApiError && error.status === 429) throw new ApiError(429, { message: "another draft is being checked." }, error.retryAfterS ?? 1);
  throw error;
}
