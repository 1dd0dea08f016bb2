// The data of a page: loaded data, an error in its place, or grey lines while it loads.
import { ApiError, reachable } from "./api.js";
import { Button, Skeleton } from "./ui.js";
import { html, useCallback, useEffect, useRef, useState } from "./vendor/preact.js";

/**
 * @template T
 * @typedef {{data: T | null, error: ApiError | null, loading: boolean, reload: () => void, set: (data: T) => void}} Loading
 */

/**
 * Loads by `load` whenever `deps` change. An answer that comes after a newer question is dropped; data stay while they
 * are loaded again. `reload` waits for an answer that is on its way, and then asks once more: what changes often does not
 * keep a slow answer from ever being shown, nor the service busy with answers that are not shown.
 * @template T
 * @param {(abort: AbortSignal) => Promise<T>} load
 * @param {readonly unknown[]} deps
 * @returns {Loading<T>}
 */
export function useData(load, deps) {
  const [state, setState] = useState(/** @type {{data: T | null, error: ApiError | null, loading: boolean}} */ ({ data: null, error: null, loading: true }));
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const onItsWay = useRef({ is: false, again: false });
  useEffect(() => {
    const abort = new AbortController();
    const end = () => {
      const { again } = onItsWay.current;
      onItsWay.current = { is: false, again: false };
      if (again) setRound((n) => n + 1);
    };
    onItsWay.current = { is: true, again: false };
    setState((before) => ({ ...before, loading: true }));
    latest.current(abort.signal).then(
      (data) => abort.signal.aborted || (setState({ data, error: null, loading: false }), end()),
      (error) => {
        if (abort.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        setState((before) => ({ data: error.status === 0 ? before.data : null, error, loading: false }));
        end();
        if (error.status === 429 && error.retryAfterS) setTimeout(() => abort.signal.aborted || setRound((n) => n + 1), error.retryAfterS * 1000);
      },
    );
    return () => abort.abort();
  }, [...deps, round]);
  const reload = useCallback(() => {
    if (onItsWay.current.is) onItsWay.current.again = true;
    else setRound((n) => n + 1);
  }, []);
  const set = useCallback((/** @type {T} */ data) => setState({ data, error: null, loading: false }), []);
  // When the service is back, it is asked again without a click.
  const isLost = state.error?.status === 0;
  useEffect(() => (isLost ? reachable.subscribe((is) => is && reload()) : undefined), [isLost]);
  return { ...state, reload, set };
}

const SOON_MS = 3_000;
const BUSY_MS = 400;

/** Loads again every `ms` while the tab is seen; sooner while nothing `isThere`. @param {() => void} reload @param {number} ms @param {boolean} isThere */
export function useAgain(reload, ms, isThere) {
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), isThere ? ms : SOON_MS);
    return () => clearInterval(timer);
  }, [reload, isThere]);
}

/** What a button does, once at a time: its failure stays until it is tried again. */
export function useAction() {
  const [state, setState] = useState({ error: /** @type {ApiError | null} */ (null), isBusy: false });
  const run = async (/** @type {() => Promise<void>} */ act) => {
    setState((before) => ({ ...before, isBusy: true }));
    try {
      await act();
      setState({ error: null, isBusy: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState({ error, isBusy: false });
    }
  };
  return { ...state, run, clear: () => setState({ error: null, isBusy: false }) };
}

/** Loads again when `deps` change. @param {() => void} reload @param {readonly unknown[]} deps */
export function useReload(reload, deps) {
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) reload();
    isFirst.current = false;
  }, deps);
}

/**
 * @param {{of: Loading<any>, children: (data: any) => any, lines?: number}} props
 */
export function Loaded({ of, children, lines = 3 }) {
  if (of.data === null && of.error) return html`<${Failure} error=${of.error} retry=${of.reload} again />`;
  if (of.data === null) return html`<${Skeleton} lines=${lines} />`;
  return html`<div class=${of.error ? "stale" : ""} aria-busy=${of.loading}>${children(of.data)}</div>`;
}

/** @param {{error: ApiError, retry?: () => void, again?: boolean}} props `again`: it is asked again by itself */
export function Failure({ error, retry, again = false }) {
  const wait = error.status === 429 && error.retryAfterS ? ` ${again ? "Asking again" : "Try again"} in ${error.retryAfterS} s.` : "";
  return html`<div class="failure" role="alert">
    <p>${capitalized(error.message)}${wait}</p>
    ${retry && html`<${Button} onClick=${retry}>Try again<//>`}
  </div>`;
}

/** @param {string} text */
export const capitalized = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What `ask` answers, once no other check or comparison is running. @template T @param {() => Promise<T>} ask @param {AbortSignal} [signal] */
export async function whenFree(ask, signal) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "busy" || signal?.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    }
  }
}
