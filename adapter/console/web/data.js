// What a page shows of the API: data, an error in its place, or grey lines while it loads.
import { ApiError, reachable } from "./api.js";
import { Button, Skeleton } from "./ui.js";
import { html, useCallback, useEffect, useRef, useState } from "./vendor/preact.js";

/**
 * @template T
 * @typedef {{data: T | null, error: ApiError | null, loading: boolean, reload: () => void, set: (data: T) => void}} Loading
 */

/**
 * Loads by `load` whenever `deps` change. An answer that comes after a newer question is dropped; data stay while they
 * are loaded again.
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
  useEffect(() => {
    const abort = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    latest.current(abort.signal).then(
      (data) => abort.signal.aborted || setState({ data, error: null, loading: false }),
      (error) => {
        if (abort.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        setState((before) => ({ data: error.status === 0 ? before.data : null, error, loading: false }));
        if (error.status === 429 && error.retryAfterS) setTimeout(() => abort.signal.aborted || setRound((n) => n + 1), error.retryAfterS * 1000);
      },
    );
    return () => abort.abort();
  }, [...deps, round]);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const set = useCallback((/** @type {T} */ data) => setState({ data, error: null, loading: false }), []);
  // A service that came back is asked again without a click.
  const isLost = state.error?.status === 0;
  useEffect(() => (isLost ? reachable.subscribe((is) => is && reload()) : undefined), [isLost]);
  return { ...state, reload, set };
}

/**
 * @param {{of: Loading<any>, children: (data: any) => any, lines?: number}} props
 */
export function Loaded({ of, children, lines = 3 }) {
  if (of.data === null && of.error) return html`<${Failure} error=${of.error} retry=${of.reload} />`;
  if (of.data === null) return html`<${Skeleton} lines=${lines} />`;
  return html`<div class=${of.error ? "stale" : ""} aria-busy=${of.loading}>${children(of.data)}</div>`;
}

/** @param {{error: ApiError, retry?: () => void}} props */
export function Failure({ error, retry }) {
  const wait = error.status === 429 && error.retryAfterS ? ` Asking again in ${error.retryAfterS} s.` : "";
  return html`<div class="failure" role="alert">
    <p>${capitalized(error.message)}${wait}</p>
    ${retry && html`<${Button} onClick=${retry}>Try again<//>`}
  </div>`;
}

/** @param {string} text */
export const capitalized = (text) => text.charAt(0).toUpperCase() + text.slice(1);
