// The mapping files: which sources they serve, which version is active since when and by whom, and what is wrong with the file on disk.
import { api } from "../api.js";
import { Loaded, useData } from "../data.js";
import { Time, plural } from "../format.js";
import { href } from "../router.js";
import { subscribe } from "../stream.js";
import { Badge, Page, Table } from "../ui.js";
import { html, useEffect } from "../vendor/preact.js";

export default function Mappings() {
  const loaded = useData((abort) => api.get("/mappings", {}, abort), []);
  useEffect(() => subscribe({ mappings: (mappings) => loaded.set({ mappings }), resync: loaded.reload }), []);
  return html`<${Page} title="Mappings" lead="A mapping decides which events become calls of Browsee, and with which fields. Open one to try a change on recorded events before it is active.">
    <${Loaded} of=${loaded}>${(/** @type {any} */ { mappings }) => html`<${Table} narrow caption="Mapping files" columns=${[{ title: "File" }, { title: "Sources" }, { title: "State" }, { title: "Version" }, { title: "Since" }, { title: "By" }]}>
      ${filesOf(mappings).map((file) => html`<tr data-row>
        <td class="wide"><a href=${href(`/mappings/${encodeURIComponent(file.sources[0])}`)}>${file.file}</a></td>
        <td class="wide">${file.sources.join(", ")}</td>
        <td>${file.problem ? html`<${Badge} outcome="error" text="file has problems" />` : html`<${Badge} outcome="ok" text="active" />`}</td>
        <td class="mono">${file.version.slice(0, 8)}</td><td class="time"><${Time} at=${file.since} /></td><td class="wide">${file.by}</td></tr>`)}<//>
      <p class="hint">${plural(mappings.length, "source")} in all.</p>`}<//>
  <//>`;
}

/** One row for each file. @param {any[]} mappings */
function filesOf(mappings) {
  /** @type {Map<string, any>} */
  const files = new Map();
  for (const mapping of mappings) {
    const known = files.get(mapping.file);
    if (known) known.sources.push(mapping.source);
    else files.set(mapping.file, { ...mapping, sources: [mapping.source] });
  }
  return [...files.values()];
}
