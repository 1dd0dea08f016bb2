// Shortcuts of the keyboard. They are off in fields and in the editor.
import { navigate } from "./router.js";
import { Dialog } from "./ui.js";
import { html, signal, useEffect } from "./vendor/preact.js";

const PAGES = /** @type {Record<string, string>} */ ({ o: "/", e: "/events", d: "/dead", n: "/names", m: "/mappings", s: "/sources" });
const HELP = [
  ["g o", "Overview"], ["g e", "Events"], ["g n", "Names"], ["g d", "Dead letters"], ["g m", "Mappings"], ["g s", "Sources"],
  ["/", "Search"], ["j, k", "Next and previous row"], ["Enter", "Open the row"], ["x", "Select the row"], [".", "Pause or resume live events"],
  ["?", "This list"],
];

const helpIsOpen = signal(false);
let goes = 0;

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

/** Handles the shortcuts that hold on every page. `j`, `k` and `x` work on elements with `data-row`. */
export function useShortcuts() {
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const isGo = performance.now() - goes < 1500;
      goes = 0;
      const page = PAGES[event.key];
      if (isGo && page) navigate(page);
      else if (event.key === "g") goes = performance.now();
      else if (event.key === "?") helpIsOpen.value = true;
      else if (event.key === "/") /** @type {HTMLElement | null} */ (document.querySelector("[data-search]"))?.focus();
      else if (event.key === "j" || event.key === "k") moveRow(event.key === "j" ? 1 : -1);
      else if (event.key === "x") /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-row]")?.querySelector("input[type=checkbox]"))?.click();
      else if (event.key === ".") /** @type {HTMLElement | null} */ (document.querySelector("[data-pause]"))?.click();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** @param {number} step */
function moveRow(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
  /** @type {HTMLElement | null | undefined} */ (next?.querySelector("a"))?.focus();
}

export function ShortcutHelp() {
  return html`<${Dialog} title="Keyboard shortcuts" open=${helpIsOpen.value} onClose=${() => (helpIsOpen.value = false)}>
    <dl class="shortcuts">${HELP.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
  <//>`;
}
