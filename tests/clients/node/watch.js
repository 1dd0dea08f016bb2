// Says on stderr how each request of this process was answered, whatever library made it and however.
import { subscribe } from "node:diagnostics_channel";

subscribe("undici:request:headers", ({ request, response }) => {
  console.error(`${request.method} ${request.path} ${response.statusCode}`);
});
subscribe("http.client.response.finish", ({ request, response }) => {
  console.error(`${request.method} ${request.path} ${response.statusCode}`);
});
