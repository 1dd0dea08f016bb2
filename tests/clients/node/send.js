// Sends what CALLS.json holds by one of the Node libraries, as a customer's own program would.
//
//     node --import ./watch.js send.js segment|rudderstack HOST KEY CALLS.json
//
// Exit code 1 if the library gave up on anything.
import { readFileSync } from "node:fs";

import RudderAnalytics from "@rudderstack/rudder-sdk-node";
import { Analytics } from "@segment/analytics-node";

const [library, host, key, file] = process.argv.slice(2);
const calls = JSON.parse(readFileSync(file, "utf8"));

// Beyond its usual three tries RudderStack's library would drop what it holds, after some two seconds.
const RETRIES = 12;

const senders = {
  async segment() {
    const analytics = new Analytics({ writeKey: key, host, flushAt: 10, maxRetries: RETRIES });
    const failures = [];
    analytics.on("error", (failure) => failures.push(failure));
    for (const { type, ...message } of calls) analytics[type](message);
    await analytics.closeAndFlush({ timeout: 90_000 });
    return failures;
  },

  async rudderstack() {
    const failures = [];
    const analytics = new RudderAnalytics(key, { dataPlaneUrl: host, flushAt: 10, retryCount: RETRIES });
    const acknowledged = calls.map(
      ({ type, ...message }) =>
        new Promise((resolve) => {
          analytics[type](message, (failure) => {
            if (failure) failures.push(failure);
            resolve();
          });
        }),
    );
    await analytics.flush();
    await Promise.all(acknowledged);
    return failures;
  },
};

const failures = await senders[library]();
for (const failure of failures) console.error(failure);
process.exit(failures.length ? 1 : 0);
