// Bundles the third-party code of the console into adapter/console/web/vendor, with its licences and SHA-256 sums.
// Run by `make console` after `npm ci`. The output depends on the lock and on entries/ alone.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const output = process.argv[2] ?? join(here, "../../adapter/console/web/vendor");
const names = readdirSync(join(here, "entries")).sort();

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: names.map((name) => `entries/${name}`),
  outdir: output,
  bundle: true,
  format: "esm",
  target: "es2022",
  // Readable names stay: whoever debugs a page finds them in the bundle.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  charset: "utf8",
  metafile: true,
});

const packages = new Map();
for (const input of Object.keys(metafile.inputs)) {
  const found = /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) packages.set(found[1].slice("node_modules/".length), found[1]);
}
const licences = [...packages].sort().map(([name, folder]) => {
  const { version, license } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
  const file = readdirSync(join(here, folder)).find((candidate) => /^licen[cs]e/i.test(candidate));
  if (!file) throw new Error(`${name} has no licence file`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(here, folder, file), "utf8").trim()}\n`;
});
// The types of a bundle are those of the packages; neither wheel nor page has these files.
for (const name of names.filter((each) => each.endsWith(".js"))) {
  const types = `export * from "../../../../scripts/console-vendor/entries/${name}";\n`;
  writeFileSync(join(output, name.replace(/\.js$/, ".d.ts")), types);
}
writeFileSync(join(output, "LICENSES.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));

const sum = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
const sources = ["package-lock.json", "build.mjs", ...names.map((name) => `entries/${name}`)];
const outputs = readdirSync(output).sort();
writeFileSync(
  join(output, "SUMS"),
  [...sources.map((name) => `${sum(join(here, name))}  scripts/console-vendor/${name}`),
    ...outputs.map((name) => `${sum(join(output, name))}  adapter/console/web/vendor/${name}`)].join("\n") + "\n",
);
for (const name of outputs) console.log(`${String(readFileSync(join(output, name)).length).padStart(8)}  ${name}`);
