// What takes a draft to where its file can be changed: a unified diff as `git apply` takes it, a command for a ConfigMap.

import { diff } from "../vendor/editor.js";

const CONTEXT = 3;
/** Below the halves of pairs, which are characters only together. */
const CHARACTERS = 0xd800;

/**
 * @param {string} file as the settings spell it
 * @param {string} before
 * @param {string} after
 */
export function patchOf(file, before, after) {
  const old = lines(before);
  const next = lines(after);
  const path = file.replace(/^\/+/, "");
  let out = `--- a/${path}\n+++ b/${path}\n`;
  for (const hunk of hunks(edits(old, next))) {
    const removed = hunk.filter((edit) => edit.kind !== "+");
    const added = hunk.filter((edit) => edit.kind !== "-");
    const first = /** @type {Edit} */ (hunk[0]);
    out += `@@ -${start(first.before, removed.length)},${removed.length} +${start(first.after, added.length)},${added.length} @@\n`;
    for (const edit of hunk) out += `${edit.kind}${edit.text}${edit.text.endsWith("\n") ? "" : "\n\\ No newline at end of file\n"}`;
  }
  return out;
}

/**
 * A command that puts a text into a ConfigMap. The service sees the file, not the name of the ConfigMap: it is that of deploy/kubernetes.
 * @param {string} key
 * @param {string} text
 */
export const kubectlPatch = (key, text) => `# If your ConfigMap has another name or namespace, write it here.
kubectl patch configmap browsee-adapter-mappings --type merge --patch-file /dev/stdin <<'END'
${JSON.stringify({ data: { [key]: text } })}
END
`;

/** @typedef {{kind: " " | "-" | "+", text: string, before: number, after: number}} Edit */

/** @param {number} index @param {number} count */
const start = (index, count) => (count === 0 ? index : index + 1);

/** @param {string} text */
const lines = (text) => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** The lines of both texts in order, those of `a` before those of `b` that take their place. @param {string[]} a @param {string[]} b @returns {Edit[]} */
function edits(a, b) {
  const found = /** @type {Edit[]} */ ([]);
  let before = 0;
  let after = 0;
  const take = (/** @type {Edit["kind"]} */ kind, /** @type {number} */ n) => {
    for (let i = 0; i < n; i += 1) {
      found.push({ kind, text: (kind === "+" ? b[after] : a[before]) ?? "", before, after });
      if (kind !== "+") before += 1;
      if (kind !== "-") after += 1;
    }
  };
  for (const change of changes(a, b)) {
    take(" ", change.fromA - before);
    take("-", change.toA - change.fromA);
    take("+", change.toB - change.fromB);
  }
  take(" ", a.length - before);
  return found;
}

/** Which lines take the place of which: each different line is a character to the editor's comparison of texts. @param {string[]} a @param {string[]} b */
function changes(a, b) {
  const ids = new Map([...new Set([...a, ...b])].map((line, index) => [line, index]));
  if (ids.size > CHARACTERS) return [{ fromA: 0, toA: a.length, fromB: 0, toB: b.length }];
  const text = (/** @type {string[]} */ all) => all.map((line) => String.fromCharCode(ids.get(line) ?? 0)).join("");
  return diff(text(a), text(b));
}

/** @param {Edit[]} all */
function hunks(all) {
  const found = /** @type {Edit[][]} */ ([]);
  let last = -Infinity;
  all.forEach((edit, index) => {
    if (edit.kind === " ") return;
    if (index - last > 2 * CONTEXT) found.push(all.slice(Math.max(0, index - CONTEXT), index + 1));
    else /** @type {Edit[]} */ (found.at(-1)).push(...all.slice(last + 1, index + 1));
    last = index;
  });
  // Context after the last change of each.
  return found.map((hunk) => {
    const end = all.indexOf(/** @type {Edit} */ (hunk.at(-1)));
    return [...hunk, ...all.slice(end + 1, end + 1 + CONTEXT)];
  });
}
