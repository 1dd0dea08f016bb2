// Texts of a mapping beside each other: what a version changes, and what two people changed in the same file.
import { Time } from "../format.js";
import { html, useEffect, useRef } from "../vendor/preact.js";
import { createMergeView } from "./editor.js";

/** @param {{caption: any, before: string, after: string}} props */
export function Diff({ caption, before, after }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => (box.current ? createMergeView(box.current, before, after) : undefined), [before, after]);
  return html`<figure class="merge"><figcaption>${caption}</figcaption><div ref=${box}></div></figure>`;
}

/** The text that a draft was made from, beside the file as it is now and beside the draft. @param {{base: string, theirs: string, mine: string}} props */
export function Differences({ base, theirs, mine }) {
  return html`<${Diff} caption="What they changed: before, and the file on disk" before=${base} after=${theirs} />
    <${Diff} caption="What you changed: before, and your text" before=${base} after=${mine} />`;
}

/** @param {{at: string, by: string}} props */
export const Author = ({ at, by }) => html`<${Time} at=${at} />, by ${by}`;
