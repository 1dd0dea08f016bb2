/**
 * Measures Segment's mapping-kit. The first line on stdin is a case: {"message": text, "mapping": …, "expected": …}.
 * If the kit makes of the message what is expected, this answers "equal"; else it ends with the difference. Then every
 * line is a number of messages to parse, map and serialise, answered by the microseconds that one took.
 */
const assert = require("node:assert");
const readline = require("node:readline");
const { transform } = require("@segment/actions-core/mapping-kit");

/** Messages before the first that count, so that the compiler has done its work. */
const WARM_UP = 50_000;

function microseconds(mapping, message, count) {
  let written = 0;
  const started = process.hrtime.bigint();
  for (let number = 0; number < count; number++) {
    written += JSON.stringify(transform(mapping, JSON.parse(message))).length;
  }
  const tookNs = Number(process.hrtime.bigint() - started);
  // Looked at, so that no compiler may leave the work out.
  assert(written > count);
  return tookNs / 1000 / count;
}

async function main() {
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { message, mapping, expected } = JSON.parse((await lines.next()).value);
  assert.deepStrictEqual(transform(mapping, JSON.parse(message)), expected);
  microseconds(mapping, message, WARM_UP);
  console.log("equal");
  for await (const line of lines) {
    console.log(microseconds(mapping, message, Number(line)));
  }
}

main();
