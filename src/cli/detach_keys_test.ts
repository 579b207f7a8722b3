import assert from "node:assert/strict";
import { pause } from "../../tests/helpers/until.ts";
import { parseDetachKeys, untilDetached } from "./detach_keys.ts";

Deno.test("parseDetachKeys() parses docker's notation of keys", () => {
  assert.deepEqual([...parseDetachKeys("ctrl-p,ctrl-q")], [16, 17]);
  assert.deepEqual([...parseDetachKeys("ctrl-],d,ctrl-@")], [29, 100, 0]);
  assert.deepEqual([...parseDetachKeys("")], []);
  for (const text of ["ctrl", "ctrl-", "ctrl-P", "ctrl-1", "ab", ",", "a,", "\u{e4}", " "]) {
    assert.throws(() => parseDetachKeys(text), { message: /^Expected keys/ }, text);
  }
});

/** Returns the text that passes within 10 ms, and whether the input was detached. */
async function pass(chunks: string[], keys = "ctrl-p,ctrl-q"): Promise<{ text: string; detached: boolean }> {
  const source = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(new TextEncoder().encode(chunk));
  })();
  let [text, detached] = ["", false];
  const reading = (async () => {
    for await (const chunk of untilDetached(source, parseDetachKeys(keys), () => detached = true)) {
      text += new TextDecoder().decode(chunk);
    }
  })();
  await Promise.race([reading, pause(10)]);
  return { text, detached };
}

Deno.test("untilDetached() detaches at the keys, even across chunks, and drops the rest", async () => {
  assert.deepEqual(await pass(["ls\n\x10\x11rm\n"]), { text: "ls\n", detached: true });
  assert.deepEqual(await pass(["a\x10", "\x11b"]), { text: "a", detached: true });
  assert.deepEqual(await pass(["ab", "c"], "c"), { text: "ab", detached: true });
});

Deno.test("untilDetached() passes on bytes that match only the start of the keys", async () => {
  assert.deepEqual(await pass(["\x10", "x\x11\x10\x10", "\x11"]), { text: "\x10x\x11\x10", detached: true });
  assert.deepEqual(await pass(["a\x10"]), { text: "a\x10", detached: false });
});

Deno.test("untilDetached() passes on everything without keys", async () => {
  assert.deepEqual(await pass(["a\x10\x11b"], ""), { text: "a\x10\x11b", detached: false });
});
