// Names of several pages added up, and a rule to start from. Nothing here asks the service.
/**
 * @typedef {{path: string, types: Record<string, number>}} Path
 * @typedef {{source: string, type: string | null, name: string | null, events: number, first: string, last: string, newest: string,
 *   outcome: string, rule: string | null, ruleLine: number | null, paths: Path[], morePaths: boolean}} Name
 */

/**
 * `more` is of older events than `names`.
 * @param {Name[]} names
 * @param {Name[]} more
 * @returns {Name[]}
 */
export function addUp(names, more) {
  const found = new Map(names.map((name) => [keyOf(name), name]));
  for (const name of more) {
    const known = found.get(keyOf(name));
    found.set(keyOf(name), known ? { ...known, events: known.events + name.events, first: name.first, paths: addPaths(known.paths, name.paths), morePaths: known.morePaths || name.morePaths } : name);
  }
  return [...found.values()].sort((one, other) => other.events - one.events);
}

/** @param {Name} name */
const keyOf = (name) => JSON.stringify([name.source, name.type, name.name]);

/** @param {Path[]} paths @param {Path[]} more */
function addPaths(paths, more) {
  const found = new Map(paths.map((path) => [path.path, { ...path.types }]));
  for (const { path, types } of more) {
    const known = found.get(path) ?? {};
    for (const [type, n] of Object.entries(types)) known[type] = (known[type] ?? 0) + n;
    found.set(path, known);
  }
  return [...found].map(([path, types]) => ({ path, types })).sort((one, other) => (placeOf(one.path) < placeOf(other.path) ? -1 : 1));
}

/** What a platform adds to each event comes last. @param {string} path */
const placeOf = (path) => (path.startsWith("context") ? `~${path}` : path);

/** Values of several types; an absent value does not count as one. @param {Path} path */
export const isMixed = (path) => Object.keys(path.types).filter((type) => type !== "null").length > 1;

/**
 * YAML of one rule for the events of a name. A value that is a number in some events and text in others is read as a number.
 * @param {Name} name
 */
export function suggestedRule(name) {
  const when = name.name ? `{type: ${name.type}, event: ${JSON.stringify(name.name)}}` : `{type: ${name.type}}`;
  const title = JSON.stringify(name.name ?? `Events of type ${name.type}`);
  if (name.type === "identify") return `  - name: ${title}\n    when: ${when}\n    identify: true\n`;
  const called = (name.name ?? name.type ?? "").replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1_$2").replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/g, "").toUpperCase() || "UNNAMED";
  const plain = name.paths.filter(({ path }) => /^properties\.[A-Za-z_]\w*$/.test(path)).slice(0, 40);
  const lines = plain.map(({ path, types }) => `      ${path.slice("properties.".length)}: ${types.number && types.text ? `{from: ${path}, apply: [number]}` : path}`);
  return [`  - name: ${title}`, `    when: ${when}`, `    track: ${/^[A-Z][A-Z0-9_]*$/.test(called) ? called : JSON.stringify(called)}`, ...(lines.length > 0 ? ["    properties:", ...lines] : []), ""].join("\n");
}
