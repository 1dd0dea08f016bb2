// The frame of the console: navigation, the bars above a page, and the page that the address names.
import { ApiError, reachable, refreshSession, session, signOut } from "./api.js";
import { Failure, capitalized } from "./data.js";
import { count } from "./format.js";
import { ShortcutHelp, useShortcuts } from "./keys.js";
import { here, href, match } from "./router.js";
import { connection, startStream, summary } from "./stream.js";
import { setTheme, theme } from "./theme.js";
import { Banner, Button, Page, Skeleton } from "./ui.js";
import { html, render, signal, useEffect, useState } from "./vendor/preact.js";

/** Pages by address; each is loaded when it is opened first. `nav` is its name in the navigation. */
const PAGES = [
  { path: "/", nav: "Overview", load: () => import("./pages/overview.js") },
  { path: "/events", nav: "Events", load: () => import("./pages/events.js") },
  { path: "/events/{id}", load: () => import("./pages/event.js") },
  { path: "/users/{id}", load: () => import("./pages/user.js"), under: "/events" },
  { path: "/names", nav: "Names", load: () => import("./pages/names.js") },
  { path: "/dead", nav: "Dead letters", load: () => import("./pages/dead.js") },
  { path: "/mappings", nav: "Mappings", load: () => import("./pages/mappings.js") },
  { path: "/mappings/{source}", load: () => import("./pages/mapping.js") },
  { path: "/sources", nav: "Sources", load: () => import("./pages/sources.js") },
  { path: "/deletions", nav: "Deletions", load: () => import("./pages/deletions.js") },
  { path: "/settings", nav: "Settings", load: () => import("./pages/settings.js") },
];
const SESSION_MS = 600_000;
const RETRY_S = 5;

/** The failure of an action whose page does not show it. */
const problem = signal(/** @type {ApiError | null} */ (null));
window.addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof ApiError)) return;
  event.preventDefault();
  problem.value = event.reason;
});

function App() {
  const [failed, setFailed] = useState(/** @type {ApiError | null} */ (null));
  useShortcuts();
  useEffect(() => startStream(), []);
  useEffect(() => {
    const ask = () =>
      refreshSession().then(
        () => setFailed(null),
        (error) => setFailed(error),
      );
    const first = setTimeout(ask, failed ? (failed.retryAfterS ?? RETRY_S) * 1000 : 0);
    const timer = setInterval(ask, SESSION_MS);
    // Another tab may have signed in or out meanwhile.
    const look = () => document.visibilityState === "visible" && ask();
    document.addEventListener("visibilitychange", look);
    window.addEventListener("online", look);
    return () => (clearTimeout(first), clearInterval(timer), document.removeEventListener("visibilitychange", look), window.removeEventListener("online", look));
  }, [failed]);
  if (session.value === null) {
    return html`<main class="boot">${failed ? html`<${Failure} error=${failed} retry=${() => location.reload()} again />` : html`<${Skeleton} />`}</main>`;
  }
  if (!session.value.signedIn || here.value.path === "/sign-in") return html`<${Lazy} load=${() => import("./pages/sign-in.js")} name="sign-in" props=${{}} />`;
  return html`<${Frame} />`;
}

function Frame() {
  const { path, query } = here.value;
  const found = PAGES.map((page) => ({ page, params: match(page.path, path) })).find(({ params }) => params !== null);
  return html`
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => (event.preventDefault(), document.querySelector("h1")?.focus())}>Skip to content</a>
    <header class="side">
      <a class="brand" href="#/"><img src=${new URL("icon.svg", import.meta.url).href} alt="" width="20" height="20" />browsee-adapter</a>
      <nav aria-label="Pages"><ul>${PAGES.filter((page) => page.nav).map((page) => html`<${NavLink} page=${page} path=${found?.page.under ?? path} />`)}</ul></nav>
      <div class="foot"><${Live} /><${Theme} /><${Button} quiet onClick=${signOut}>Sign out<//>
        <p class="version">${session.value?.version ?? ""}</p></div>
    </header>
    <div class="content"><${Bars} />
      <main id="main" class=${reachable.value ? "" : "stale"}>
        ${found ? html`<${Lazy} key=${found.page.path + JSON.stringify(found.params)} name=${found.page.path} load=${found.page.load} props=${{ params: found.params, query }} />` : html`<${NotFound} />`}
      </main>
    </div>
    <${ShortcutHelp} />`;
}

/** @param {{page: any, path: string}} props */
function NavLink({ page, path }) {
  const isHere = page.path === path || (page.path !== "/" && path.startsWith(`${page.path}/`));
  const n = page.path === "/dead" ? summary.value?.dead : 0;
  const show = () => document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  useEffect(() => void (isHere && show()), [isHere, summary.value === null]);
  return html`<li><a href=${href(page.path)} aria-current=${isHere ? "page" : undefined}>${page.nav}${n ? html` <span class="count">${count(n)}</span>` : ""}</a></li>`;
}

function Live() {
  const words = { live: ["●", "Live"], polling: ["●", "Live, every 5 s"], lost: ["○", "Not connected, trying again"], off: ["○", "Connecting"] };
  const [sign, text] = words[reachable.value ? connection.value : "lost"];
  return html`<p class="live ${reachable.value ? connection.value : "lost"}" role="status"><span aria-hidden="true">${sign}</span> ${text}</p>`;
}

function Theme() {
  return html`<label class="theme">Theme <select value=${theme.value} onChange=${(/** @type {any} */ event) => setTheme(event.target.value)}>
    <option value="system">System</option><option value="light">Light</option><option value="dark">Dark</option></select></label>`;
}

/** Whether the service was replaced by another version since the page was loaded. */
let loadedVersion = "";
const isUpgraded = () => session.value?.version !== (loadedVersion ||= session.value?.version ?? "");

/** Banners for every page, worst first. */
function Bars() {
  const now = summary.value ?? {};
  const failed = Object.entries(now.mappings_failed ?? {});
  const isSecret = location.protocol === "https:" || /^(localhost|127\.|\[::1\])/.test(location.hostname);
  useEffect(() => {
    problem.value = null;
  }, [here.value.path]);
  return html`<div class="bars">
    ${problem.value && html`<${Banner} tone="danger" actions=${html`<${Button} onClick=${() => (problem.value = null)}>Close<//>`}>${capitalized(problem.value.message)}<//>`}
    ${session.value?.sandbox && html`<${Banner} tone="warning"><strong>Sandbox.</strong> Nothing here reaches Browsee.<//>`}
    ${session.value?.memoryQueue && html`<${Banner} tone="warning"><strong>The queue is in memory.</strong> What is pending is lost when the service stops.<//>`}
    ${!isSecret && html`<${Banner} tone="warning">This page came over plain HTTP: anyone who can read the traffic can use your session. Serve it over HTTPS.<//>`}
    ${isUpgraded() && html`<${Banner} tone="warning" actions=${html`<${Button} onClick=${() => location.reload()}>Reload<//>`}>
      The adapter is now version ${session.value?.version}; this page is of another one. Drafts are kept.<//>`}
    ${now.ready === false && html`<${Banner} tone="danger">${now.why === "stopping" ? "The service is stopping." : html`The service stores no events: ${now.why}.`}<//>`}
    ${now.delivery === "paused" && html`<${Banner} tone="danger"><strong>Delivery is paused.</strong> ${now.delivery_why}<//>`}
    ${now.time_left?.says && html`<${Banner} tone="warning">${capitalized(now.time_left.says)}.<//>`}
    ${failed.map(([file]) => html`<${Banner} tone="danger"><strong>${file}</strong> has problems; the last good version is active.<//>`)}
  </div>`;
}

/** A page, loaded when it is shown first. @param {{load: () => Promise<any>, name: string, props: any}} props */
function Lazy({ load, name, props }) {
  const [page, setPage] = useState(/** @type {{default: any} | null} */ (null));
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let isShown = true;
    load().then((found) => isShown && (setPage(found), setFailed(false)), () => isShown && setFailed(true));
    return () => {
      isShown = false;
    };
    // Again when the service is back.
  }, [name, reachable.value]);
  if (failed) return html`<${Banner} tone="warning" actions=${html`<${Button} onClick=${() => location.reload()}>Reload<//>`}>
    This page could not be loaded: ${reachable.value ? "the adapter may have been upgraded" : "the service does not answer"}.<//>`;
  return page ? html`<${page.default} ...${props} />` : html`<${Skeleton} lines=${5} />`;
}

function NotFound() {
  return html`<${Page} title="Page not found"><p>There is no such page. <a href="#/">Go to the overview</a>.</p><//>`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
render(html`<${App} />`, root);
