// The parts that pages are made of. Values of events appear as text nodes only.
import { count, visible } from "./format.js";
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {any} Children */

const OUTCOMES = /** @type {Record<string, string>} */ ({
  delivered: "✓", pending: "…", dropped: "–", unmatched: "?", dead: "✕", rejected: "✕", duplicate: "=", discarded: "–", ok: "✓", warning: "!", error: "✕",
});

/** An outcome: never by colour alone. @param {{outcome: string, text?: string}} props */
export function Badge({ outcome, text }) {
  return html`<span class="badge ${outcome}"><span aria-hidden="true">${OUTCOMES[outcome] ?? "·"}</span> ${text ?? outcome}</span>`;
}

/**
 * A page: its title is the tab's, and its heading has the focus after a change of page.
 * @param {{title: string, tab?: string, lead?: Children, actions?: Children, children: Children}} props
 */
export function Page({ title, tab, lead, actions, children }) {
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    document.title = `${tab ?? title} – browsee-adapter`;
  }, [tab, title]);
  useEffect(() => (window.scrollTo(0, 0), heading.current?.focus({ preventScroll: true })), []);
  return html`
    <div class="page-head">
      <div><h1 ref=${heading} tabindex="-1">${title}</h1>${lead && html`<p class="lead">${lead}</p>`}</div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </div>
    ${children}`;
}

/** @param {{title?: string, lead?: Children, actions?: Children, class?: string, children: Children}} props */
export function Card({ title, lead, actions, class: more = "", children }) {
  const id = useId();
  return html`<section class="card ${more}" aria-labelledby=${title ? id : undefined}>
    ${(title || actions) && html`<header><h2 id=${id}>${title}</h2>${actions && html`<div class="actions">${actions}</div>`}</header>`}
    ${lead && html`<p class="lead">${lead}</p>`}
    ${children}
  </section>`;
}

/** A number that leads to its events. @param {{label: string, value: number | string, note?: Children, href?: string, tone?: string}} props */
export function Tile({ label, value, note, href, tone = "" }) {
  const body = html`<span class="tile-label">${label}</span>
    <span class="tile-value">${typeof value === "number" ? count(value) : value}</span><span class="tile-note">${note ?? ""}</span>`;
  return href ? html`<a class="tile ${tone}" href=${href}>${body}</a>` : html`<div class="tile ${tone}">${body}</div>`;
}

/** @param {{primary?: boolean, danger?: boolean, quiet?: boolean, type?: string, disabled?: boolean, onClick?: (event: any) => void, children: Children, [more: string]: any}} props */
export function Button({ primary, danger, quiet, type = "button", children, ...more }) {
  const kind = primary ? "primary" : danger ? "danger" : quiet ? "quiet" : "";
  return html`<button type=${type} class="button ${kind}" ...${more}>${children}</button>`;
}

/** Copies `text`, a string or what makes one. @param {{text: string | (() => string | Promise<string>), label?: string, [more: string]: any}} props */
export function CopyButton({ text, label = "Copy", ...more }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : await text());
      setSaid("Copied");
    } catch {
      setSaid("The browser refused");
    }
    setTimeout(() => setSaid(""), 2000);
  };
  return html`<${Button} quiet onClick=${copy} ...${more}><span aria-live="polite">${said || label}</span><//>`;
}

/**
 * A modal dialog. `onClose` is called when it is dismissed.
 * @param {{title: string, open: boolean, onClose: () => void, actions?: Children, wide?: boolean, children: Children}} props
 */
export function Dialog({ title, open, onClose, actions, wide, children }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  useLayoutEffect(() => {
    if (!open) return undefined;
    const from = document.activeElement;
    // A dialog that is removed with the focus leaves the page without one.
    return () => void setTimeout(() => document.activeElement === document.body && from instanceof HTMLElement && from.focus());
  }, [open]);
  useLayoutEffect(() => {
    if (open && !element.current?.open) element.current?.showModal();
    if (!open && element.current?.open) element.current.close();
  }, [open]);
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-labelledby=${id} onClose=${onClose}>
    ${open && html`<header><h2 id=${id}>${title}</h2><${Button} quiet aria-label="Close" onClick=${onClose}>✕<//></header>
      <div class="dialog-body">${children}</div>${actions && html`<footer class="actions">${actions}</footer>`}`}
  </dialog>`;
}

/**
 * Tabs after the WAI-ARIA pattern: arrows move, the panel follows.
 * @param {{label: string, tabs: {id: string, title: Children, panel: () => Children}[], selected: string, onSelect: (id: string) => void}} props
 */
export function Tabs({ label, tabs, selected, onSelect }) {
  const id = useId();
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const chosen = tabs.find((tab) => tab.id === selected) ?? tabs[0];
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.length, End: tabs.length }[event.key];
    if (!step || !chosen) return;
    event.preventDefault();
    const at = tabs.indexOf(chosen);
    const next = Math.abs(step) > 1 ? (step < 0 ? 0 : tabs.length - 1) : (at + step + tabs.length) % tabs.length;
    onSelect(/** @type {{id: string}} */ (tabs[next]).id);
    /** @type {HTMLElement | undefined} */ (list.current?.children[next])?.focus();
  };
  return html`<div class="tabs">
    <div role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
      ${tabs.map((tab) => html`<button type="button" role="tab" id="${id}-${tab.id}" aria-selected=${tab === chosen} aria-controls="${id}-panel"
        tabindex=${tab === chosen ? 0 : -1} onClick=${() => onSelect(tab.id)}>${tab.title}</button>`)}
    </div>
    <div role="tabpanel" id="${id}-panel" aria-labelledby="${id}-${chosen?.id}" tabindex="0">${chosen?.panel()}</div>
  </div>`;
}

/**
 * A table that scrolls inside of itself. `narrow`: cells become lines on a phone, with the column's name in front.
 * @param {{caption: string, columns: {title: Children, class?: string}[], children: Children, narrow?: boolean, class?: string}} props
 */
export function Table({ caption, columns, children, narrow = false, class: more = "" }) {
  return html`<div class="table-box ${narrow ? "narrow" : ""} ${more}" role="group" aria-label=${caption} tabindex="0"><table>
    <caption class="visually-hidden">${caption}</caption>
    <thead><tr>${columns.map((column) => html`<th scope="col" class=${column.class ?? ""}>${column.title}</th>`)}</tr></thead>
    <tbody>${children}</tbody>
  </table></div>`;
}

/** A sentence of the service: what stands in backticks is code. @param {{text: string}} props */
export function Words({ text }) {
  return visible(text).split("`").map((part, index, parts) => (index % 2 === 1 && index < parts.length - 1 ? html`<code>${part}</code>` : index % 2 === 1 ? `\`${part}` : part));
}

/** What a list says when it is empty. @param {{title: string, children?: Children}} props */
export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}

/** A bar that stays. @param {{tone?: "warning" | "danger" | "info" | "success", children: Children, actions?: Children}} props */
export function Banner({ tone = "info", children, actions }) {
  return html`<div class="banner ${tone}" role=${tone === "danger" ? "alert" : "status"}><div>${children}</div>${actions && html`<div class="actions">${actions}</div>`}</div>`;
}

/** A labelled field. `children` gets the field's id. @param {{label: string, hint?: Children, error?: Children, children: (id: string) => Children}} props */
export function Field({ label, hint, error, children }) {
  const id = useId();
  return html`<div class="field"><label for=${id}>${label}</label>${children(id)}
    ${hint && html`<p class="hint">${hint}</p>`}${error && html`<p class="error" role="alert">${error}</p>`}</div>`;
}

/** @param {{lines?: number}} props */
export function Skeleton({ lines = 3 }) {
  return html`<div class="skeleton" role="status" aria-busy="true"><span class="visually-hidden">Loading</span>
    ${Array.from({ length: lines }, () => html`<span class="line" aria-hidden="true"></span>`)}</div>`;
}

const LONGEST_JSON = 256 * 1024;

/**
 * A value as JSON, cut at 256 KB, to copy and to download.
 * @param {{value: unknown, name: string, label: string}} props
 */
export function JsonView({ value, name, label }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const isCut = text.length > LONGEST_JSON;
  return html`<figure class="json">
    <figcaption>${label}<span class="actions"><${CopyButton} text=${text} aria-label="Copy ${label}" />
      <${Button} quiet onClick=${() => download(`${name}.json`, text, "application/json")} aria-label="Download ${label}">Download<//></span></figcaption>
    <pre tabindex="0" role="region" aria-label=${label}>${isCut ? text.slice(0, LONGEST_JSON) : text}</pre>
    ${isCut && html`<p class="hint">Cut after 256 KB of ${count(Math.round(text.length / 1024))} KB. Download it to see all.</p>`}
  </figure>`;
}

/** @param {string} name @param {string} text @param {string} type */
export function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Counts as it is typed: a change of many needs the number. @param {{n: number, onOk: (ok: boolean) => void}} props */
export function TypedNumber({ n, onOk }) {
  return html`<${Field} label="Type ${n} to confirm">${(/** @type {string} */ id) => html`
    <input id=${id} inputmode="numeric" autocomplete="off" onInput=${(/** @type {any} */ event) => onOk(event.target.value.trim() === String(n))} />`}<//>`;
}
