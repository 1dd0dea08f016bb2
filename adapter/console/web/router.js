// Pages by hash: `#/events?outcome=dead`. Filters are part of the address, so a view can be shared and gone back to.
import { computed, signal } from "./vendor/preact.js";

/** @typedef {{path: string, query: Record<string, string>}} Location */

const hash = signal(location.hash);
window.addEventListener("hashchange", () => {
  hash.value = location.hash;
});

/** The page's address. */
export const here = computed(() => parse(hash.value));

/** @param {string} text @returns {Location} */
export function parse(text) {
  const [path = "", query = ""] = text.replace(/^#/, "").split(/\?(.*)/s);
  return { path: path.startsWith("/") ? path : "/", query: Object.fromEntries(new URLSearchParams(query)) };
}

/**
 * The address of a page; names without a value are left out.
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} [query]
 */
export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

/**
 * Goes to a page. With `replace` the way back leads past the present one.
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} [query]
 * @param {{replace?: boolean}} [options]
 */
export function navigate(path, query, { replace = false } = {}) {
  const to = href(path, query);
  if (to === location.hash) return;
  if (replace) {
    history.replaceState(null, "", to);
    hash.value = to;
  } else {
    location.hash = to;
  }
}

/**
 * Matches `/events/{id}` and the like.
 * @param {string} pattern
 * @param {string} path
 * @returns {Record<string, string> | null}
 */
export function match(pattern, path) {
  const wanted = pattern.split("/");
  const found = path.split("/");
  if (wanted.length !== found.length) return null;
  /** @type {Record<string, string>} */
  const params = {};
  for (const [index, word] of wanted.entries()) {
    const value = found[index] ?? "";
    if (!word.startsWith("{")) {
      if (word !== value) return null;
      continue;
    }
    try {
      params[word.slice(1, -1)] = decodeURIComponent(value);
    } catch {
      return null;
    }
  }
  return params;
}
