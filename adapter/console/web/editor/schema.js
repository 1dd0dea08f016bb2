// What the JSON Schema of mappings allows at a place of a YAML text: for completion and for hover. The place is read from
// the indentation, which works while a text is being typed and is not valid YAML yet.

/** @typedef {{schema: any, root: any}} Spot */
/** @typedef {{path: (string | number)[], indent: number, key: string | null, isKey: boolean}} Place */

const LINE = /^(\s*)((?:- +)*)(?:("[^"]*"|'[^']*'|[^\s:#'"[{][^:]*?)\s*:(?:\s|$))?/;

/**
 * The keys that lead to a line, outermost first; members of lists are 0.
 * @param {string[]} lines
 * @param {number} at index of the line
 * @returns {Place}
 */
export function placeOf(lines, at) {
  const own = parts(lines[at] ?? "");
  /** @type {(string | number)[]} */
  const path = own.dashes > 0 ? Array(own.dashes).fill(0) : [];
  let indent = own.indent;
  for (let n = at - 1; n >= 0 && (indent > 0 || own.dashes > 0); n -= 1) {
    const text = lines[n] ?? "";
    if (!text.trim() || text.trim().startsWith("#")) continue;
    const found = parts(text);
    if (found.key !== null && found.keyIndent < indent) {
      path.unshift(found.key);
      for (let dash = 0; dash < found.dashes; dash += 1) path.unshift(0);
      indent = found.indent;
      if (found.dashes === 0 && indent === 0) break;
    } else if (found.key !== null && own.dashes > 0 && found.keyIndent === indent && found.dashes === 0 && path[0] === 0 && indent >= 0 && n < at) {
      // A list may stand as far in as the key that it belongs to.
      path.unshift(found.key);
      if (indent === 0) break;
    } else if (found.dashes > 0 && found.indent < indent && found.keyIndent === indent) {
      for (let dash = 0; dash < found.dashes; dash += 1) path.unshift(0);
      indent = found.indent;
    }
  }
  return { path, indent: own.keyIndent, key: own.key, isKey: own.key === null };
}

/** @param {string} text */
function parts(text) {
  const found = /** @type {RegExpExecArray} */ (LINE.exec(text));
  const dashes = (found[2]?.match(/-/g) ?? []).length;
  const indent = found[1]?.length ?? 0;
  const key = found[3] ? found[3].replace(/^["']|["']$/g, "") : null;
  return { indent, dashes, keyIndent: indent + (found[2]?.length ?? 0), key };
}

/**
 * The schemas that hold at a path.
 * @param {any} root
 * @param {(string | number)[]} path
 * @returns {any[]}
 */
export function schemasAt(root, path) {
  let found = expand(root, root);
  for (const step of path) {
    found = found.flatMap((schema) => {
      const next = typeof step === "number" ? [schema.items, ...(schema.prefixItems ?? [])] : [schema.properties?.[step], ...matching(schema, step)];
      return next.filter((each) => each && typeof each === "object").flatMap((each) => expand(each, root));
    });
  }
  return found;
}

/** @param {any} schema @param {string} key */
function matching(schema, key) {
  if (schema.properties?.[key]) return [];
  const patterns = Object.entries(schema.patternProperties ?? {}).filter(([pattern]) => new RegExp(pattern, "u").test(key));
  return patterns.length > 0 ? patterns.map(([, each]) => each) : [schema.additionalProperties];
}

/** A schema with what it refers to and its alternatives. @param {any} schema @param {any} root @returns {any[]} */
function expand(schema, root, depth = 0) {
  if (!schema || typeof schema !== "object" || depth > 12) return [];
  const more = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.then ? [schema.then] : []), ...(schema.else ? [schema.else] : [])];
  if (schema.$ref) more.push(schema.$ref.split("/").slice(1).reduce((/** @type {any} */ at, /** @type {string} */ word) => at?.[word], root));
  return [schema, ...more.flatMap((each) => expand(each, root, depth + 1))];
}

/** Whether a path of an event may stand here. @param {any[]} schemas @param {any} root */
export const takesPath = (schemas, root) => schemas.some((schema) => schema === root.$defs?.path);

/** The keys that may stand here, with their descriptions. @param {any[]} schemas */
export function keysOf(schemas) {
  /** @type {Map<string, string>} */
  const keys = new Map();
  for (const schema of schemas) {
    for (const [name, each] of Object.entries(schema.properties ?? {})) if (!keys.has(name)) keys.set(name, /** @type {any} */ (each).description ?? "");
  }
  return keys;
}

/** The words that may stand here as a value. @param {any[]} schemas @returns {Map<string, string>} */
export function valuesOf(schemas) {
  /** @type {Map<string, string>} */
  const words = new Map();
  for (const schema of schemas) {
    const given = [...(schema.enum ?? []), ...("const" in schema ? [schema.const] : []), ...(schema.type === "boolean" ? [true, false] : [])];
    for (const word of given) if (!words.has(String(word))) words.set(String(word), schema.description ?? "");
  }
  return words;
}
