// What is new, as it happens: one stream for all pages. It is read with `fetch`, which sees 401 and 429, and it is closed
// while the tab is hidden. Where the service has no place for another stream, news are asked for every five seconds.
import { ApiError, api, session } from "./api.js";
import { signal } from "./vendor/preact.js";

/** "live": by the stream; "polling": asked for; "lost": the service does not answer; "off": nobody asks. */
export const connection = signal(/** @type {"off" | "live" | "polling" | "lost"} */ ("off"));

/** The answer of `/api/summary`, kept new. */
export const summary = signal(/** @type {any} */ (null));

const POLL_MS = 5000;
const RETURN_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** @typedef {{events?: (entries: any[]) => void, mappings?: (mappings: any[]) => void, resync?: () => void}} Handlers */
const listeners = new Set(/** @type {Set<Handlers>} */ (new Set()));
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
      void run(running.signal);
    } else if (!wanted && running) {
      running.abort();
      running = null;
      connection.value = "off";
    }
  };
  document.addEventListener("visibilitychange", decide);
  return session.subscribe(decide);
}

/** @param {AbortSignal} stop */
async function run(stop) {
  for (let failures = 0; !stop.aborted; ) {
    try {
      await listen(stop);
      failures = 0;
    } catch (error) {
      if (stop.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 429 || error.status === 404) {
        await poll(stop);
        continue;
      }
      if (error.status === 401) return;
      connection.value = "lost";
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
  connection.value = "live";
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
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5));
    else if (line.startsWith("id:")) after = line.slice(3).trim();
  }
  if (data.length === 0) return;
  const body = JSON.parse(data.join("\n"));
  if (name === "summary") summary.value = body;
  else if (name === "events") each((handlers) => handlers.events?.(body.entries));
  else if (name === "mappings") each((handlers) => handlers.mappings?.(body.mappings));
  else if (name === "resync") {
    after = null;
    each((handlers) => handlers.resync?.());
  }
}

/** Asks for news once, and waits; called again and again. @param {AbortSignal} stop */
async function poll(stop) {
  connection.value = "polling";
  const [news, now] = await Promise.all([api.get("/tail", { after, watch: watch.join(",") }, stop), api.get("/summary", {}, stop)]);
  summary.value = now;
  const isFirst = after === null;
  after = news.next;
  watch = news.pending;
  if (!isFirst && news.entries.length > 0) each((handlers) => handlers.events?.(news.entries));
  await pause(POLL_MS, stop);
}

/** @param {number} ms @param {AbortSignal} stop */
function pause(ms, stop) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
  });
}
