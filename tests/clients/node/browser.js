// Opens a page in the browser CHROMIUM that sends by one of the browser libraries to an adapter of another origin.
//
//     node browser.js segment|segment-batching|segment-snippet|rudderstack|rudderstack-beacon HOST KEY CALLS.json CHROMIUM
//
// Starts the library and prints `done start`. Then it reads commands from stdin: `send` makes the page send every call,
// `leave` goes to another page, `end` closes the browser; `done send` when that is done. In between it prints what went
// over the network to the adapter, a line for each answer: `OPTIONS /v1/t 200`.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const [library, host, key, file, executablePath] = process.argv.slice(2);
const calls = JSON.parse(readFileSync(file, "utf8"));
const [family, variant] = library.split("-");

const SCRIPTS = {
  segment: "@segment/analytics-next/dist/umd/index.js",
  snippet: "@segment/analytics-next/dist/umd/standalone.js",
  rudderstack: "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js",
};

// What Segment's own host answers to the script of the snippet: this server stands in for it.
const CDN_SETTINGS = { integrations: { "Segment.io": { apiKey: key, apiHost: "api.segment.io/v1" } } };

// What a site's own page says to start the library, for each family.
const STARTS = {
  segment: ({ host, key, variant }) => {
    if (variant === "snippet") {
      const [protocol, name] = host.split("://");
      const loadOptions = { integrations: { "Segment.io": { apiHost: `${name}/v1`, protocol } } };
      window.analytics = Object.assign([], { _writeKey: key, _cdn: location.origin, _loadOptions: loadOptions });
      const ready = new Promise((resolve) => window.analytics.push(["ready", resolve]));
      document.head.append(Object.assign(document.createElement("script"), { src: "/library.js" }));
      return ready;
    }
    const batching = { strategy: "batching", config: { size: 100, timeout: 60_000 } };
    const sender = { protocol: "http", ...(variant === "batching" ? { deliveryStrategy: batching } : {}) };
    window.analytics = window.AnalyticsNext.AnalyticsBrowser.load(
      { writeKey: key, cdnURL: host },
      { integrations: { "Segment.io": sender } },
    );
    return window.analytics.then(() => undefined);
  },
  rudderstack: ({ host, key, variant }) => {
    window.analytics = new window.rudderanalytics.RudderAnalytics();
    window.analytics.load(key, host, { configUrl: host, useBeacon: variant === "beacon" });
    return new Promise((resolve) => window.analytics.ready(resolve));
  },
};

// What a site's own page says to send one call; both families take the same arguments.
function makeCalls(calls) {
  const makers = {
    identify: ({ userId, traits }) => window.analytics.identify(userId, traits),
    page: ({ name, properties }) => window.analytics.page(name, properties),
    screen: ({ name, properties }) => window.analytics.screen(name, properties),
    group: ({ groupId, traits }) => window.analytics.group(groupId, traits),
    alias: ({ userId, previousId }) => window.analytics.alias(userId, previousId),
    track: ({ event, properties }) => window.analytics.track(event, properties),
  };
  window.made = Promise.all(calls.map((call) => makers[call.type](call)));
}

const served = createServer((request, response) => {
  if (request.url.endsWith("/settings")) return response.end(JSON.stringify(CDN_SETTINGS));
  const script = variant === "snippet" ? "" : "<script src=/library.js></script>";
  if (request.url !== "/library.js") return response.end(`<!doctype html>${script}`);
  const path = fileURLToPath(new URL(`./node_modules/${SCRIPTS[variant] ?? SCRIPTS[family]}`, import.meta.url));
  return response.setHeader("Content-Type", "text/javascript").end(readFileSync(path));
});
await new Promise((resolve) => served.listen(0, "localhost", resolve));
const site = `http://localhost:${served.address().port}/`;

// Without its own sandbox, for root may not use that; the page is ours.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage();
await reportNetwork(page);
page.on("console", (message) => console.error(message.text()));
page.on("pageerror", (error) => console.error(error));
await page.goto(site);

const commands = {
  start: () => page.evaluate(STARTS[family], { host, key, variant }),
  send: () => page.evaluate(makeCalls, calls),
  async leave() {
    // Nobody leaves within the milliseconds in which a library takes its calls in.
    await page.evaluate(() => window.made.then(() => undefined));
    await page.goto(`${site}elsewhere`);
  },
};
await commands.start();
console.log("done start");
for await (const command of createInterface({ input: process.stdin })) {
  if (command === "end") break;
  await commands[command]();
  console.log(`done ${command}`);
}
await browser.close();
process.exit(0);

async function reportNetwork(page) {
  const session = await page.context().newCDPSession(page);
  const requests = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, request }) => requests.set(requestId, request));
  session.on("Network.responseReceived", ({ requestId, response }) => {
    const { pathname, host: to } = new URL(response.url);
    if (to === new URL(host).host) console.log(`${requests.get(requestId)?.method} ${pathname} ${response.status}`);
  });
  await session.send("Network.enable");
}
