// Delivers EVENTS.json as Segment's cloud does, by the code of its own webhook destinations, which sign what they send.
//
//     node destination.js webhook|webhook-extensible|webhook-audiences SETTINGS.json EVENTS.json
//
// SETTINGS is {url, method, sharedSecret, token, batch}, as a customer sets the destination up. Prints, as JSON, the
// status of each request's answer; "ok" where the destination only says that it was content. With an `audience` in the
// settings it first creates that and gets it again, and prints what ids it was told as well.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Both packages can be loaded in this way only.
const require = createRequire(import.meta.url);
const { Destination } = require("@segment/actions-core");

const [name, settingsFile, eventsFile] = process.argv.slice(2);
const { url, method, sharedSecret, token, batch, audience } = JSON.parse(readFileSync(settingsFile, "utf8"));
const events = JSON.parse(readFileSync(eventsFile, "utf8"));

const destination = new Destination(require(`@segment/action-destinations/dist/destinations/${name}`).default);
const settings = {
  sharedSecret,
  dynamicAuthSettings: token ? { bearer: { bearerToken: token } } : { oauth: { type: "noAuth" } },
  subscriptions: [
    {
      name: "Everything",
      subscribe: 'type != "nothing"',
      partnerAction: "send",
      mapping: { url, method, headers: { "X-Customer": "shop" }, data: { "@path": "$." }, enable_batching: batch },
    },
  ],
};

async function statusOf(delivery) {
  try {
    const results = await delivery;
    const failed = results.find((result) => result.error);
    return failed?.error.response?.status ?? failed?.error.status ?? "ok";
  } catch (failure) {
    return failure.response?.status ?? failure.status ?? String(failure);
  }
}

const statuses = [];
if (audience) {
  const ofAudience = { settings: { sharedSecret, createAudienceUrl: url, getAudienceUrl: url } };
  const created = await destination.createAudience({ ...ofAudience, audienceName: audience });
  const got = await destination.getAudience({ ...ofAudience, externalId: created.externalId });
  statuses.push(created.externalId, got.externalId);
}
if (batch) statuses.push(await statusOf(destination.onBatch(events, settings)));
else for (const event of events) statuses.push(await statusOf(destination.onEvent(event, settings)));
console.log(JSON.stringify(statuses));
