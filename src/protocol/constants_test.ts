import assert from "node:assert/strict";
import * as constants from "./constants.ts";

const { MSG, CHANNEL, EXIT, STAGE, PROTOCOL_VERSION, AGENT_PORT, ...plain } = constants;

/** The header's names for the names in `constants.ts`. */
const NUMBERS: Record<string, number> = {
  ...plain,
  SMOLVM_PROTOCOL_VERSION: PROTOCOL_VERSION,
  SMOLVM_PORT: AGENT_PORT,
  ...prefixed("MSG_", MSG),
  ...prefixed("CHANNEL_", CHANNEL),
  ...prefixed("EXIT_", EXIT),
  ...prefixed("STAGE_", STAGE),
};

function prefixed(prefix: string, numbers: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [prefix + name, value]));
}

/** Every `#define` of a number and every member of an enum. */
function numbersOf(header: string): Record<string, number> {
  const code = header.replaceAll(/\/\*.*?\*\//gs, "");
  const defines = code.matchAll(/^#define (\w+) +(\S.*)$/gm);
  const members = Array.from(code.matchAll(/\benum \w+ \{(.*?)\}/gs)).flatMap(([, body]) =>
    body!.split(",").map((member) => member.trim()).filter((member) => member !== "").map((member) => {
      const match = /^(\w+) = (\w+)$/.exec(member);
      assert.ok(match, `the enum member "${member}" has no number`);
      return match;
    })
  );
  return Object.fromEntries([...defines, ...members].map(([, name, text]) => [name!, product(text!)]));
}

/** The value of `(16 * 1024)`, `1u` and the like. */
function product(text: string): number {
  const factors = text.replaceAll(/[()]/g, "").trim().split(/ *\* */).map((factor) => factor.replace(/u$/, ""));
  for (const factor of factors) assert.match(factor, /^\d+$/, `"${text}" is not a product of numbers`);
  return factors.reduce((value, factor) => value * Number(factor), 1);
}

Deno.test("constants.ts has exactly the numbers of src/guest/wire/protocol.h", async () => {
  const header = await Deno.readTextFile(new URL("../guest/wire/protocol.h", import.meta.url));
  const numbers = numbersOf(header);
  assert.equal(numbers["MSG_BYE"], 40, "the header is read");
  assert.deepEqual(NUMBERS, numbers);
});

Deno.test("constants.ts respects libkrun's limits", () => {
  assert.ok(constants.GUEST_FRAME_MAX <= 28 * 1024, "a larger write of the guest is dropped");
  assert.ok(constants.CONNECTION_WINDOW < 256 * 1024, "a stream of the guest stops for good without an answer");
  assert.ok(constants.ACK_EVERY * 2 <= constants.CONNECTION_WINDOW, "the guest would run dry between acknowledgements");
});
