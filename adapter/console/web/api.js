// The client of the service's API. Every address is relative to the page, so that a proxy may serve the
// console under any prefix.
import { signal } from "./vendor/preact.js";

/** A failed request. `status` is 0 if no answer came. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{code?: string, message?: string, [more: string]: any}} body
   * @param {number | null} retryAfterS
   */
  constructor(status, body, retryAfterS = null) {
    super(body.message ?? `the service answered ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.body = body;
    this.retryAfterS = retryAfterS;
  }
}

/** The session: null until the service has answered whether there is one. */
export const session = signal(/** @type {Session | null} */ (null));
/** @typedef {{signedIn: boolean, sandbox: boolean, expires?: string, version?: string, memoryQueue?: boolean, edit?: boolean, whyNotEdit?: string | null}} Session */

/** Whether the last request was answered at all. */
export const reachable = signal(true);
window.addEventListener("offline", () => (reachable.value = false));

/** @typedef {Record<string, string | number | boolean | readonly string[] | null | undefined>} Query */

/**
 * The URL of a path of the service, below the console's own.
 * @param {string} path
 * @param {Query} [query]
 */
export function urlOf(path, query = {}) {
  const url = new URL(path.replace(/^\//, ""), new URL(".", document.baseURI.split("#")[0]));
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "" || value === false) continue;
    for (const each of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(each));
  }
  return url;
}

/**
 * @param {string} path
 * @param {RequestInit & {query?: Query}} [options]
 * @returns {Promise<Response>}
 */
async function send(path, { query, ...options } = {}) {
  let response;
  try {
    response = await fetch(urlOf(path, query), { credentials: "same-origin", cache: "no-store", redirect: "error", ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    reachable.value = false;
    throw new ApiError(0, { code: "unreachable", message: "The service does not answer. Is it running?" });
  }
  reachable.value = true;
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  if (response.status === 401 && body.code === "signed_out") signedOut();
  throw new ApiError(response.status, body, Number(response.headers.get("Retry-After")) || null);
}

/** The JSON of an answer that may break off, or be a proxy's page. @param {Response} response */
async function read(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(response.status, { code: "broken_off", message: "The answer broke off, or a proxy answered in place of the service." });
  }
}

function signedOut() {
  if (session.value?.signedIn) session.value = { signedIn: false, sandbox: session.value.sandbox };
}

/**
 * @param {string} method
 * @param {any} body
 * @returns {RequestInit}
 */
const json = (method, body) => ({ method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

/** The API takes a text of this length at most. */
const LONGEST_CAUSE = 500;

/** The events of one cause, and of no other that contains its text. @param {string} cause as the API lists it */
export const ofCause = (cause) => ({ cause: [...cause].slice(0, LONGEST_CAUSE).join(""), exact: true });

export const api = {
  /** @template {string} P @param {P} path @param {Query} [query] @param {AbortSignal} [abort] @returns {Promise<import("../../../scripts/console-vendor/answers").Answer<P, "get">>} */
  get: async (path, query, abort) => read(await send(`api${path}`, { query, signal: abort })),
  /** @template {string} P @param {P} path @param {any} body @param {Query} [query] @param {AbortSignal} [abort] @returns {Promise<import("../../../scripts/console-vendor/answers").Answer<P, "post">>} */
  post: async (path, body, query, abort) => read(await send(`api${path}`, { ...json("POST", body), query, signal: abort })),
  /** @param {string} path @param {string} text @param {Record<string, string>} headers @param {Query} [query] @returns {Promise<any>} */
  put: async (path, text, headers, query) => read(await send(`api${path}`, { method: "PUT", body: text, headers, query })),
  /** The answer itself, for streams and downloads. @param {string} path @param {Query} [query] @param {AbortSignal} [abort] */
  raw: (path, query, abort) => send(`api${path}`, { query, signal: abort }),
};

/** Asks whether this browser is signed in, and renews the session if it is. */
export async function refreshSession() {
  session.value = await read(await send("session"));
}

/** @param {string} token */
export async function signIn(token) {
  await send("session", json("POST", { token }));
  await refreshSession();
}

export async function signOut() {
  await send("session", { method: "DELETE" });
  signedOut();
}
