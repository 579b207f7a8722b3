import assert from "node:assert/strict";
import { wrap, wrapHelp } from "./wrap.ts";

Deno.test("wrap() breaks between words, and within words that are longer than a line", () => {
  assert.equal(wrap("fits", { width: 4 }), "fits");
  assert.equal(wrap("one two three", { width: 8 }), "one two\nthree");
  assert.equal(wrap("  one two three", { width: 9, indent: "    " }), "  one two\n    three");
  assert.equal(wrap("a /very/long/path b", { width: 6 }), "a\n/very/\nlong/p\nath b");
  assert.equal(wrap("the host's, or the image's own", { width: 12 }), "the host's,\nor the\nimage's own");
  assert.equal(wrap("ab", { width: 1, indent: "   " }), "a\n   b");
});

Deno.test("wrap() wraps a command so that a shell can run it", () => {
  const command = "  smolvm run /r sh -c 'echo it   is'";
  const options = { width: 20, indent: "    ", isCommand: true };
  assert.equal(wrap(command, options), "  smolvm run /r sh \\\n    -c \\\n    'echo it   is'");
  assert.equal(wrap("cat /a/path/that/is/longer", { ...options, width: 10 }), "cat \\\n    /a/path/that/is/longer");
});

Deno.test("wrapHelp() wraps only lines that are too long", () => {
  const help = "Keys:\n  cpus  virtual CPUs\n\nExamples:\n  smolvm ps\n  smolvm stop --timeout 60   # a minute\n";
  assert.equal(wrapHelp(help, 80), help);
  assert.equal(
    wrapHelp(help, 20),
    "Keys:\n  cpus  virtual CPUs\n\nExamples:\n  smolvm ps\n  # a minute\n  smolvm stop \\\n    --timeout 60\n",
  );
});
