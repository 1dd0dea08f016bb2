// What is new, as it happens: one stream for all pages. It is read with `fetch`, which sees 401 and 429, and it is closed
// while the tab is hidden. Where the service has no place for another stream, news are asked for every five seconds.
import { ApiError, api, session } from "./api.js";
import { signal } from "./vendor/preact.js";

/** "live": by the stream; "polling": asked for; "lost": the service does not answer; "off": no page needs news. */
export const connection = signal(/** @type {"off" | "live" | "polling" | "lost"} */ ("off"));

/** The answer of `/api/summary`, kept new. */
export const summary = signal(/** @type {any} */ (null));

const POLL_MS = 5000;
const RETURN_MS = 500;
/** Of this adapter: another one may be at another path of the host. */
const NAME = `browsee-adapter stream of ${new URL(".", document.baseURI.split("#")[0]).pathname}`;
const LONGEST_WAIT_MS = 15_000;

/** @typedef {{events?: (entries: any[]) => void, mappings?: (mappings: any[]) => void, resync?: () => void}} Handlers */
const listeners = new Set(/** @type {Set<Handlers>} */ (new Set()));
/** What reaches the other tabs, in the one that holds the stream. */
let holder = /** @type {BroadcastChannel | null} */ (null);
let running = /** @type {AbortController | null} */ (null);
let after = /** @type {string | null} */ (null);
let watch = /** @type {string[]} */ ([]);

/** Hears news until the returned function is called. @param {Handlers} handlers */
export function subscribe(handlers) {
  listeners.add(handlers);
  return () => listeners.delete(handlers);
}

/** @param {(handlers: Handlers) => void} tell */
const each = (tell) => [...listeners].forEach(tell);

/** Keeps `summary` and the listeners up to date while the tab is seen and its operator signed in. */
export function startStream() {
  const decide = () => {
    const wanted = document.visibilityState === "visible" && session.value?.signedIn === true;
    if (wanted && !running) {
      running = new AbortController();
      void share(running.signal);
    } else if (!wanted && running) {
      running.abort();
      running = null;
      connection.value = "off";
    }
  };
  document.addEventListener("visibilitychange", decide);
  return session.subscribe(decide);
}

/**
 * One tab of a browser holds the stream, and passes on what it hears: a browser opens six connections to a host, and a
 * stream keeps one of them. When that tab is hidden or closed, the next one goes on where it was.
 * @param {AbortSignal} stop
 */
async function share(stop) {
  // Only where the page came over HTTPS or from this machine.
  if (!("locks" in navigator)) return run(stop);
  const tabs = new BroadcastChannel(NAME);
  tabs.onmessage = ({ data }) => {
    if (data.isNew && holder) holder.postMessage({ state: connection.value, name: "summary", body: summary.value });
    if (holder || data.isNew) return;
    connection.value = data.state ?? connection.value;
    if (data.name) take(data.name, data.body, data.id);
  };
  tabs.postMessage({ isNew: true });
  const { held = [] } = await navigator.locks.query();
  // Whoever was hidden has missed what others heard.
  if (after !== null && held.some((lock) => lock.name === NAME)) each((handlers) => handlers.resync?.());
  try {
    await navigator.locks.request(NAME, { signal: stop }, async () => {
      holder = tabs;
      await run(stop);
    });
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    if (holder === tabs) holder = null;
    tabs.close();
  }
}

/** @param {"live" | "polling" | "lost"} state */
function turn(state) {
  connection.value = state;
  holder?.postMessage({ state });
}

/** @param {AbortSignal} stop */
async function run(stop) {
  for (let failures = 0, isFull = false; !stop.aborted; ) {
    try {
      if (isFull) await poll(stop);
      isFull = false;
      await listen(stop);
      failures = 0;
    } catch (error) {
      if (stop.aborted) return;
      // A bug of the page, or a message that cannot be read, ends one stream and not the news.
      if (!(error instanceof ApiError)) reportError(error);
      const status = error instanceof ApiError ? error.status : 0;
      // A proxy that asks for its own password leaves the session as it is.
      if (status === 401 && !session.value?.signedIn) return;
      // No place for another stream.
      isFull = !isFull && (status === 429 || status === 404);
      if (isFull) continue;
      // A service that stops ends its streams before any summary says so.
      if (error instanceof ApiError && error.code === "stopping") hand("summary", { ...summary.value, ready: false, why: "stopping" });
      turn("lost");
      failures += 1;
      await pause(Math.min(LONGEST_WAIT_MS, 500 * 2 ** failures), stop);
    }
  }
}

/** @param {AbortSignal} stop */
async function listen(stop) {
  let isFirst = after === null;
  const response = await api.raw("/stream", { after }, stop);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  turn("live");
  let text = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch {
      throw new ApiError(0, { message: "the stream broke off" });
    }
    if (part.done) return pause(RETURN_MS, stop);
    text += part.value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      hear(text.slice(0, end));
      text = text.slice(end + 2);
      if (isFirst && after !== null) {
        // What arrived after a page was loaded and before the stream began is on neither.
        isFirst = false;
        each((handlers) => handlers.resync?.());
      }
    }
  }
}

/** One message of the stream. @param {string} block */
function hear(block) {
  let name = "message";
  const data = [];
  let id;
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5));
    else if (line.startsWith("id:")) id = line.slice(3).trim();
  }
  if (data.length > 0) hand(name, JSON.parse(data.join("\n")), id);
}

/** To this tab and to the others. @param {string} name @param {any} body @param {string} [id] */
function hand(name, body, id) {
  take(name, body, id);
  holder?.postMessage({ name, body, id });
}

/** @param {string} name @param {any} body @param {string} [id] */
function take(name, body, id) {
  after = id ?? after;
  if (name === "summary") summary.value = body;
  else if (name === "events") each((handlers) => handlers.events?.(body.entries));
  else if (name === "mappings") each((handlers) => handlers.mappings?.(body.mappings));
  // The place stays: a stream that ends before any more news goes on there, and no beginning asks to load again.
  else if (name === "resync") each((handlers) => handlers.resync?.());
}

/** Asks for news once, and waits; called again and again. @param {AbortSignal} stop */
async function poll(stop) {
  turn("polling");
  const [news, now] = await Promise.all([api.get("/tail", { after, watch: watch.join(",") }, stop), api.get("/summary", {}, stop)]);
  watch = news.pending;
  hand("summary", now);
  hand("events", { entries: news.entries }, news.next);
  await pause(POLL_MS, stop);
}

/** @param {number} ms @param {AbortSignal} stop */
function pause(ms, stop) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
  });
}
