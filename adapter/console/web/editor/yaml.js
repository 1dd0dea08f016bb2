// Writes small YAML: a test of an event, with what names a person replaced by fixed examples.

const EXAMPLES = /** @type {[RegExp, string][]} */ ([
  [/e-?mail/i, "ann@example.com"], [/phone|mobile|fax/i, "+1 555 0100"], [/^(ip|ip_?address|request_ip)$/i, "192.0.2.7"], [/first_?name/i, "Ann"], [/last_?name|surname/i, "Example"],
  [/^(name|full_?name|user_?name)$/i, "Ann Example"], [/address|street/i, "1 Example Street"], [/^(city|town)$/i, "Exampleville"], [/postal|zip/i, "00000"],
]);
const IDS = /** @type {Record<string, string>} */ ({ userId: "u-1", anonymousId: "anon-1", messageId: "m-1", previousId: "u-0", groupId: "g-1" });
const LEFT_OUT = new Set(["integrations", "_metadata", "sentAt", "originalTimestamp", "receivedAt", "writeKey", "version"]);

/**
 * The entry of `tests:` for an event: the message as given, and what the draft makes of it.
 * @param {any} event of the preview
 * @param {any} message
 */
export function testOf(event, message) {
  const given = Object.fromEntries(Object.entries(message ?? {}).filter(([name]) => !LEFT_OUT.has(name)).map(([name, value]) => [name, IDS[name] && typeof value === "string" ? IDS[name] : masked(name, value)]));
  const replaced = replacements(message, given);
  const name = `${event.type} ${event.event ?? ""}`.trim();
  return `  - name: ${scalar(name)}\n    given:\n${block(given, 6)}    expect:${expected(event.now, replaced)}`;
}

/** @param {any} now @param {Map<string, string>} replaced */
function expected(now, replaced) {
  if (now.outcome === "dropped") return ` {drop: ${scalar(now.text)}}\n`;
  if (now.outcome === "unmatched") return ` {unmatched: true}\n`;
  if (now.outcome === "rejected") return ` {reject: ${scalar(now.problems[0]?.message ?? "")}}\n`;
  return `\n${now.calls.map((/** @type {any} */ call) => item(callOf(call, replaced))).join("")}`;
}

/** @param {any} call @param {Map<string, string>} replaced */
function callOf(call, replaced) {
  const fields = call.kind === "identify" ? { identify: true, traits: call.body.traits ?? {} } : { track: call.body.event, properties: call.body.properties ?? {} };
  return substituted(fields, replaced);
}

/** @param {any} value @param {Map<string, string>} replaced @returns {any} */
function substituted(value, replaced) {
  if (typeof value === "string") return replaced.get(value) ?? value;
  if (Array.isArray(value)) return value.map((each) => substituted(each, replaced));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, substituted(each, replaced)]));
  return value;
}

/** @param {string} name @param {any} value @returns {any} */
function masked(name, value) {
  if (typeof value === "string") return EXAMPLES.find(([pattern]) => pattern.test(name))?.[1] ?? (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? "ann@example.com" : value);
  if (Array.isArray(value)) return value.map((each) => masked(name, each));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, masked(key, each)]));
  return value;
}

/** Which texts were replaced by which. @param {any} before @param {any} after @param {Map<string, string>} [found] @returns {Map<string, string>} */
function replacements(before, after, found = new Map()) {
  if (typeof before === "string" && typeof after === "string" && before !== after) found.set(before, after);
  else if (before && after && typeof before === "object") for (const key of Object.keys(after)) replacements(before[key], after[key], found);
  return found;
}

/** @param {any} value */
function scalar(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[A-Za-z][\w ./@-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value) && !/\s$/.test(value) ? value : JSON.stringify(value);
}

/** @param {any} value @param {number} indent @returns {string} */
function block(value, indent) {
  return Object.entries(value).map(([name, each]) => `${" ".repeat(indent)}${scalar(name)}:${nested(each, indent)}`).join("");
}

/** @param {any} value @param {number} indent @returns {string} */
function nested(value, indent) {
  if (value && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0) return `\n${block(value, indent + 2)}`;
  return ` ${JSON.stringify(value) === undefined ? "null" : typeof value === "object" ? JSON.stringify(value) : scalar(value)}\n`;
}

/** @param {any} fields */
const item = (fields) => block(fields, 8).replace(/^ {8}/, "      - ");
