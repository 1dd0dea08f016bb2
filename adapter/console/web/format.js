// Instants, spans and numbers as people read them: local time, 24 hours, with the day when it is not today.
import { html } from "./vendor/preact.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const number = new Intl.NumberFormat("en-US");

/**
 * @param {string} instant RFC 3339
 * @param {{millis?: boolean, now?: Date}} [options]
 */
export function timeText(instant, { millis = false, now = new Date() } = {}) {
  const at = new Date(instant);
  const text = clock.format(at) + (millis ? `.${String(at.getMilliseconds()).padStart(3, "0")}` : "");
  if (at.toDateString() === now.toDateString()) return text;
  return `${(at.getFullYear() === now.getFullYear() ? day : dayOfYear).format(at)}, ${text}`;
}

/** An instant as a field of type datetime-local has it; "" for none. @param {string | undefined} instant */
export function localInstant(instant) {
  const at = new Date(instant ?? "");
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** An instant; its title is RFC 3339 in UTC. @param {{at: string | null | undefined, millis?: boolean}} props */
export function Time({ at, millis = false }) {
  if (!at) return html`<span class="muted">–</span>`;
  return html`<time datetime=${at} title=${at}>${timeText(at, { millis })}</time>`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 0.001) return "0 ms";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** Seconds from one instant to another. @param {string} from @param {string} to */
export const between = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;

/** @param {string} instant @param {number} [now] */
export function ago(instant, now = Date.now()) {
  const seconds = (now - Date.parse(instant)) / 1000;
  return seconds < 1 ? "just now" : `${duration(Math.round(seconds))} ago`;
}

/** A text of a sender with what cannot be seen spelled out: names that look alike may differ. @param {string} text */
export const visible = (text) =>
  text.replace(UNSEEN, (char) => `⟨U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
/** Not the joiners of emoji and of some scripts. */
const UNSEEN = /[\p{Cc}\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** @param {number} n */
export const count = (n) => number.format(n);

/** `1 event`, `2 events`. @param {number} n @param {string} one @param {string} [many] */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
