// What to type where, for the senders that most people have; docs/senders.md has all of them.
/** @typedef {{address: string, source: string, signing: boolean, key: string}} At */
/** @typedef {{text: string, copy?: string}} Step */

/** Stands for the key until it is shown. */
export const KEY = "<key>";

/** @param {At} at */
const webhook = (at) => `${at.address}/webhooks/${encodeURIComponent(at.source)}/${at.key}`;

/** A source that asks for signatures takes nothing from a library. @param {At} at @param {Step[]} steps @returns {Step[]} */
const unsigned = (at, steps) => (at.signing ? [{ text: "This source asks for signatures, and libraries do not sign: use a second source for them." }] : steps);

/** @type {{id: string, title: string, steps: (at: At) => Step[]}[]} */
export const SENDERS = [
  {
    id: "segment", title: "Segment",
    steps: (at) => [
      { text: "In Segment: Connections, Catalog, Webhooks (Actions). Choose the source." },
      ...(at.signing ? [{ text: "Settings, Advanced Settings: set the Shared Secret to the signing secret of this source." }] : []),
      { text: "Mappings, New mapping, Send. URL:", copy: webhook(at) },
      { text: "Method POST, Data left as it is. Save and enable the mapping, then enable the destination: both are off at first." },
      { text: "Event Tester, Send test event to destination: it says 200 with {\"success\":true}." },
    ],
  },
  {
    id: "rudderstack", title: "RudderStack",
    steps: (at) => (at.signing ? [{ text: "This source asks for signatures, and RudderStack does not sign: use a second source for it." }] : [
      { text: "In RudderStack: Destinations, New destination, Webhook. Connect it to the source." },
      { text: "Webhook URL, with URL Method POST and no headers:", copy: webhook(at) },
      { text: "Send an event to the source and open Live events of the destination: Succeeded, with status 200." },
    ]),
  },
  {
    id: "server", title: "Library, server",
    steps: (at) => unsigned(at, [
      { text: "Segment's library for Node; those for other languages take the same two values:",
        copy: `import { Analytics } from "@segment/analytics-node";\nconst analytics = new Analytics({ writeKey: "${at.key}", host: "${at.address}" });\nanalytics.track({ userId: "u-1", event: "Order Completed", properties: { total: 27.5 } });` },
      { text: "Or for Python:", copy: `import segment.analytics as analytics\nanalytics.write_key = "${at.key}"\nanalytics.host = "${at.address}"\nanalytics.track("u-1", "Order Completed", {"total": 27.5})` },
    ]),
  },
  {
    id: "browser", title: "Library, browser",
    steps: (at) => unsigned(at, [
      { text: "analytics.js from npm:", copy: `import { AnalyticsBrowser } from "@segment/analytics-next";\nconst analytics = AnalyticsBrowser.load({ writeKey: "${at.key}", cdnURL: "${at.address}" });\nanalytics.track("Order Completed", { total: 27.5 });` },
    ]),
  },
  {
    id: "curl", title: "curl",
    steps: (at) => [
      ...(at.signing ? [{ text: "This source asks for signatures: browsee-adapter send --sign makes them." }] : []),
      { text: "In a terminal; it answers {\"success\":true}:", copy: `curl ${webhook(at)} -d '{"type":"track","event":"Order Completed","userId":"u-1","properties":{"total":27.5}}'` },
    ],
  },
];

/** Where senders reach the service: beside this page, unless operators have an address of their own. @param {boolean} adminListen */
export function baseAddress(adminListen) {
  return adminListen ? "https://adapter.example.com" : new URL("..", document.baseURI.split("#")[0]).href.replace(/\/+$/, "");
}

/** Platforms deliver to https on a host name alone. @param {string} address */
export function fitsPlatforms(address) {
  try {
    const url = new URL(address);
    return url.protocol === "https:" && url.hostname.includes(".") && !/^[\d.]+$/.test(url.hostname) && !url.hostname.startsWith("[");
  } catch {
    return false;
  }
}
