// A message as JSON, with the members marked that its schema refused.
import { html } from "./vendor/preact.js";

/** @typedef {{text: string, said: string[]}} Line */

const DEEPEST = 50;
const AROUND = 3;

/**
 * Lines around the refused members, each with what was said of it. Null where `body` is not JSON.
 * @param {{body: string, problems: {pointer: string, message: string}[]}} props
 */
export function MarkedJson({ body, problems }) {
  const lines = markedLines(body, problems);
  if (lines === null) return null;
  const isNear = lines.map((_, index) => lines.slice(Math.max(0, index - AROUND), index + AROUND + 1).some((line) => line.said.length > 0));
  return html`<figure class="json"><figcaption>Where it does not fit</figcaption><pre tabindex="0" role="region" aria-label="Where it does not fit">
    ${lines.map((line, index) => (isNear[index] ? html`<${Marked} line=${line} />` : isNear[index - 1] || index === 0 ? "…\n" : ""))}</pre></figure>`;
}

/** @param {{line: Line}} props */
function Marked({ line }) {
  return line.said.length > 0 ? html`<mark>${line.text}</mark>  ← ${line.said.join("; ")}${"\n"}` : `${line.text}\n`;
}

/** @param {string} body @param {{pointer: string, message: string}[]} problems @returns {Line[] | null} */
function markedLines(body, problems) {
  try {
    const value = JSON.parse(body);
    if (value === null || typeof value !== "object") return null;
    const marks = new Map();
    for (const { pointer, message } of problems) {
      const { path, missing } = nearest(value, pointer);
      marks.set(path, [...(marks.get(path) ?? []), missing ? `${missing} ${message}` : message]);
    }
    return [...linesOf(value, { path: [], lead: "", tail: "", depth: 0, marks })];
  } catch {
    // Not JSON, or nested too deeply to be shown: the body as received stands above.
    return null;
  }
}

/** The deepest member on the way of a pointer, and the rest of the way. @param {any} value @param {string} pointer */
function nearest(value, pointer) {
  const names = pointer.split("/").slice(1).map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  let at = value;
  for (const [index, name] of names.entries()) {
    if (at === null || typeof at !== "object" || !Object.hasOwn(at, name)) return { path: pathOf(names.slice(0, index)), missing: names.slice(index).join(".") };
    at = at[name];
  }
  return { path: pathOf(names), missing: "" };
}

/** @param {string[]} names */
const pathOf = (names) => JSON.stringify(names);

/**
 * @param {any} value
 * @param {{path: string[], lead: string, tail: string, depth: number, marks: Map<string, string[]>}} at
 * @returns {Generator<Line>}
 */
function* linesOf(value, { path, lead, tail, depth, marks }) {
  const names = path;
  const said = marks.get(pathOf(names)) ?? [];
  const inner = value !== null && typeof value === "object" && depth < DEEPEST ? Object.entries(value) : [];
  if (inner.length === 0) {
    yield { text: `${lead}${JSON.stringify(value)}${tail}`, said };
    return;
  }
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const pad = "  ".repeat(depth);
  yield { text: `${lead}${open}`, said };
  for (const [index, [name, member]] of inner.entries()) {
    const label = Array.isArray(value) ? "" : `${JSON.stringify(name)}: `;
    yield* linesOf(member, { path: [...names, name], lead: `${pad}  ${label}`, tail: index < inner.length - 1 ? "," : "", depth: depth + 1, marks });
  }
  yield { text: `${pad}${close}${tail}`, said: [] };
}
