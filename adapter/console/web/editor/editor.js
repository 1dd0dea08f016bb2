// CodeMirror with the language of mappings: colours, completion by schema and by what was seen, hover, marks of problems.
import * as cm from "../vendor/editor.js";
import { keysOf, placeOf, schemasAt, takesPath, valuesOf } from "./schema.js";

/** @typedef {{paths: {path: string, note: string}[], names: {name: string, note: string}[]}} Seen */
/** @typedef {{line: number, column: number, severity: string, code: string | null, message: string}} Finding */

const { EditorState, EditorView, keymap } = cm;

/** Nonce of the page, under which the editor may add its styles. */
const nonce = /** @type {HTMLScriptElement | null} */ (document.querySelector("script[nonce]"))?.nonce ?? "";

const colours = cm.HighlightStyle.define([
  { tag: [cm.tags.propertyName, cm.tags.definition(cm.tags.propertyName)], class: "tok-key" },
  { tag: [cm.tags.string, cm.tags.special(cm.tags.string)], class: "tok-text" },
  { tag: [cm.tags.number, cm.tags.bool, cm.tags.null, cm.tags.keyword], class: "tok-word" },
  { tag: [cm.tags.comment, cm.tags.lineComment], class: "tok-comment" },
  { tag: [cm.tags.punctuation, cm.tags.separator, cm.tags.squareBracket, cm.tags.brace], class: "tok-mark" },
]);

/**
 * @param {{parent: HTMLElement, text: string, schema: any, seen: () => Seen, onChange: (text: string) => void, onCheck: () => void, onCompare: () => void}} options
 */
export function createEditor({ parent, text, schema, seen, onChange, onCheck, onCompare }) {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        EditorView.cspNonce.of(nonce),
        cm.lineNumbers(), cm.highlightActiveLineGutter(), cm.highlightSpecialChars(), cm.history(), cm.foldGutter({ openText: "▾", closedText: "▸" }), cm.drawSelection(),
        cm.indentOnInput(), cm.bracketMatching(), cm.closeBrackets(), cm.highlightActiveLine(), cm.highlightSelectionMatches(), cm.search({ top: true }),
        cm.yaml(), cm.syntaxHighlighting(colours), cm.indentUnit.of("  "), cm.lintGutter(),
        cm.autocompletion({ override: [(context) => complete(context, schema, seen())], icons: false }),
        cm.hoverTooltip((at, position) => hover(at, position, schema)),
        EditorView.contentAttributes.of({ "aria-label": "Mapping", "aria-describedby": "editor-help", tabindex: "0" }),
        EditorView.updateListener.of((update) => update.docChanged && onChange(update.state.doc.toString())),
        keymap.of([
          { key: "Mod-s", run: () => (onCheck(), true), preventDefault: true },
          { key: "Mod-Enter", run: () => (onCompare(), true) },
          { key: "F8", run: cm.nextDiagnostic },
          ...cm.closeBracketsKeymap, ...cm.completionKeymap, { key: "Enter", run: newLine }, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.foldKeymap, ...cm.defaultKeymap,
          cm.indentWithTab,
        ]),
      ],
    }),
  });
  return {
    view,
    text: () => view.state.doc.toString(),
    /** @param {string} next */
    setText: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    /** @param {Finding[]} findings */
    mark: (findings) => view.dispatch(cm.setDiagnostics(view.state, findings.map((finding) => diagnostic(view.state.doc, finding)))),
    /** @param {number} line @param {number} [column] */
    goTo: (line, column = 1) => {
      const at = view.state.doc.line(Math.min(Math.max(line || 1, 1), view.state.doc.lines));
      const position = Math.min(at.to, at.from + Math.max(0, column - 1));
      view.dispatch({ selection: { anchor: position }, effects: EditorView.scrollIntoView(position, { y: "center" }) });
      view.focus();
    },
    destroy: () => view.destroy(),
  };
}

/** A new line after the end of one, as far right as its rule goes on; elsewhere the editor's own. @param {import("../vendor/editor.js").EditorView} view */
function newLine({ state, dispatch }) {
  const [{ empty, head }, ...others] = state.selection.ranges;
  const line = state.doc.lineAt(head);
  if (!empty || others.length > 0 || head !== line.to || !line.text.trim()) return false;
  dispatch(state.update(state.replaceSelection(`\n${" ".repeat(indentAfter(line.text))}`), { scrollIntoView: true, userEvent: "input" }));
  return true;
}

/** Below the first key of an item, and further right after a key that has no value yet. @param {string} line */
function indentAfter(line) {
  const [, spaces, dashes, rest] = /** @type {RegExpExecArray} */ (/^( *)((?:- +)*)(.*)$/.exec(line));
  const hasKey = /^[^\s#{["'][^#]*:(?: |$)/.test(rest);
  return spaces.length + (hasKey ? dashes.length : 0) + (hasKey && /^[^:]*:\s*(?:#.*)?$/.test(rest) ? 2 : 0);
}

/** The text of the editor, which knows LF alone, with the line ends of the file; the file itself where nothing else differs. @param {string} file @param {string} text */
export function lineEndsOf(file, text) {
  if (file.replace(/\r\n?/g, "\n") === text) return file;
  return /\r\n/.test(file) && !/\r(?!\n)|(?<!\r)\n/.test(file) ? text.replace(/\n/g, "\r\n") : text;
}

/** Two texts side by side, or one above the other on a phone. @param {HTMLElement} parent @param {string} before @param {string} after */
export function createMergeView(parent, before, after) {
  const extensions = [EditorView.cspNonce.of(nonce), cm.yaml(), cm.syntaxHighlighting(colours), cm.lineNumbers(), EditorState.readOnly.of(true), EditorView.editable.of(false)];
  const merge = new cm.MergeView({ parent, a: { doc: before, extensions }, b: { doc: after, extensions }, collapseUnchanged: { margin: 3, minSize: 6 } });
  return () => merge.destroy();
}

/** @param {any} doc @param {Finding} finding */
function diagnostic(doc, finding) {
  const line = doc.line(Math.min(Math.max(finding.line, 1), doc.lines));
  const from = Math.min(line.to, line.from + Math.max(0, finding.column - 1));
  const word = /^[\w.$-]+/.exec(line.text.slice(from - line.from));
  /** @type {"warning" | "info" | "error"} */
  const severity = finding.severity === "warning" ? "warning" : finding.severity === "note" ? "info" : "error";
  return { from, to: Math.max(from, Math.min(line.to, from + (word?.[0].length ?? 1))), severity, source: finding.code ?? undefined, message: finding.message };
}

/** @param {any} context @param {any} schema @param {Seen} seen */
function complete(context, schema, seen) {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const lines = context.state.doc.toString().split("\n");
  const word = context.matchBefore(/[\w.$\-[\]*]*/);
  if (!word || (word.from === word.to && !context.explicit)) return null;
  const place = placeOf([...lines.slice(0, line.number - 1), before], line.number - 1);
  const value = /(?:^|[\s-])("[^"]*"|'[^']*'|[^\s:#]+)\s*:\s+(?:\[(?:[^\]]*,)?\s*)?[\w.$\-[\]*]*$/.test(before);
  if (value && place.key) {
    const schemas = schemasAt(schema, [...place.path, place.key]);
    const members = schemas.concat(before.includes("[") ? schemasAt(schema, [...place.path, place.key, 0]) : []);
    return { from: word.from, options: [...words(valuesOf(members)), ...(takesPath(members, schema) ? paths(seen) : []), ...(place.key === "event" ? names(seen) : [])], validFor: /^[\w.$\-[\]*]*$/ };
  }
  const isMember = /^\s*(?:- +)+[\w.$\-[\]*]*$/.test(before);
  const schemas = schemasAt(schema, place.path);
  const own = [...keysOf(schemas)].map(([label, info]) => ({ label, info: info || undefined, type: "property", apply: `${label}: ` }));
  return { from: word.from, options: isMember ? [...own, ...words(valuesOf(schemas)), ...(takesPath(schemas, schema) ? paths(seen) : [])] : own, validFor: /^[\w.$\-[\]*]*$/ };
}

/** @param {Map<string, string>} found */
const words = (found) => [...found].map(([label, info]) => ({ label, info: info || undefined, type: "keyword" }));
/** @param {Seen} seen */
const paths = (seen) => seen.paths.map(({ path, note }) => ({ label: path, detail: note, type: "variable" }));
/** @param {Seen} seen */
const names = (seen) => seen.names.map(({ name, note }) => ({ label: name, detail: note, type: "text", apply: /^[\w ]+$/.test(name) ? name : JSON.stringify(name) }));

/** @param {any} view @param {number} position @param {any} schema */
function hover(view, position, schema) {
  const line = view.state.doc.lineAt(position);
  const lines = view.state.doc.toString().split("\n");
  const place = placeOf(lines, line.number - 1);
  if (!place.key) return null;
  const from = line.from + line.text.indexOf(place.key);
  if (position < from || position > from + place.key.length) return null;
  const text = schemasAt(schema, place.path).map((each) => each.properties?.[/** @type {string} */ (place.key)]?.description).find(Boolean);
  if (!text) return null;
  return { pos: from, end: from + place.key.length, create: () => ({ dom: Object.assign(document.createElement("div"), { className: "hover", textContent: text }) }) };
}
