// What takes a draft to where its file can be changed: a unified diff as `git apply` takes it, a command for a ConfigMap.

const CONTEXT = 3;

/**
 * @param {string} file as the settings spell it
 * @param {string} before
 * @param {string} after
 */
export function patchOf(file, before, after) {
  const old = lines(before);
  const next = lines(after);
  const edits = diff(old, next);
  const path = file.replace(/^\/+/, "");
  let out = `--- a/${path}\n+++ b/${path}\n`;
  for (const hunk of hunks(edits)) {
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

/** The shortest edit by Myers' algorithm, after equal lines at both ends. @param {string[]} a @param {string[]} b @returns {Edit[]} */
function diff(a, b) {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const edits = /** @type {Edit[]} */ ([]);
  let x = 0;
  let y = 0;
  const keep = (/** @type {number} */ n) => {
    for (let i = 0; i < n; i += 1) edits.push({ kind: " ", text: a[x] ?? "", before: x++, after: y++ });
  };
  keep(head);
  for (const kind of script(a.slice(head, a.length - tail), b.slice(head, b.length - tail))) {
    if (kind === " ") keep(1);
    else if (kind === "-") edits.push({ kind, text: a[x] ?? "", before: x++, after: y });
    else edits.push({ kind, text: b[y] ?? "", before: x, after: y++ });
  }
  keep(tail);
  return edits;
}

/** @param {string[]} a @param {string[]} b @returns {(" " | "-" | "+")[]} */
function script(a, b) {
  const most = a.length + b.length;
  const reached = new Map([[1, 0]]);
  const trace = [];
  for (let d = 0; d <= most; d += 1) {
    trace.push(new Map(reached));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (reached.get(k - 1) ?? 0) < (reached.get(k + 1) ?? 0));
      let x = down ? (reached.get(k + 1) ?? 0) : (reached.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reached.set(k, x);
      if (x >= a.length && x - k >= b.length) return backtrack(trace, a.length, b.length);
    }
  }
  return [];
}

/** @param {Map<number, number>[]} trace @param {number} x @param {number} y */
function backtrack(trace, x, y) {
  const found = /** @type {(" " | "-" | "+")[]} */ ([]);
  for (let d = trace.length - 1; d >= 0; d -= 1) {
    const reached = /** @type {Map<number, number>} */ (trace[d]);
    const k = x - y;
    const down = k === -d || (k !== d && (reached.get(k - 1) ?? 0) < (reached.get(k + 1) ?? 0));
    const previousX = reached.get(down ? k + 1 : k - 1) ?? 0;
    const previousY = previousX - (down ? k + 1 : k - 1);
    while (x > previousX && y > previousY && x > 0 && y > 0) {
      found.push(" ");
      x -= 1;
      y -= 1;
    }
    if (d > 0) found.push(down ? "+" : "-");
    x = previousX;
    y = previousY;
  }
  return found.reverse();
}

/** @param {Edit[]} edits */
function hunks(edits) {
  const found = /** @type {Edit[][]} */ ([]);
  let last = -Infinity;
  edits.forEach((edit, index) => {
    if (edit.kind === " ") return;
    if (index - last > 2 * CONTEXT) found.push(edits.slice(Math.max(0, index - CONTEXT), index + 1));
    else /** @type {Edit[]} */ (found.at(-1)).push(...edits.slice(last + 1, index + 1));
    last = index;
  });
  // Context after the last change of each.
  return found.map((hunk) => {
    const end = edits.indexOf(/** @type {Edit} */ (hunk.at(-1)));
    return [...hunk, ...edits.slice(end + 1, end + 1 + CONTEXT)];
  });
}
