import assert from "node:assert/strict";
import { chooseLogLevel, type LogLevelSources } from "./log_options.ts";

const choose = (sources: Partial<LogLevelSources>) =>
  chooseLogLevel({ flag: undefined, smolvmLog: undefined, rustLog: undefined, ...sources });

Deno.test("chooseLogLevel() prefers the flag, then SMOLVM_LOG, then RUST_LOG, and defaults to warn", () => {
  assert.equal(choose({ flag: "error", smolvmLog: "info", rustLog: "smolvm=trace" }), "error");
  assert.equal(choose({ smolvmLog: "info", rustLog: "smolvm=trace" }), "info");
  assert.equal(choose({ rustLog: "smolvm=trace" }), "trace");
  assert.equal(choose({}), "warn");
  assert.equal(choose({ smolvmLog: "", rustLog: "" }), "warn");
});

Deno.test("chooseLogLevel() finds the level for smolvm, or for all programs, in RUST_LOG", () => {
  const levels = {
    "smolvm=debug": "debug",
    "hyper=trace, smolvm=debug": "debug",
    "smolvm=debug,smolvm=info": "info",
    "info": "info",
    "trace,smolvm=error": "error",
    "hyper=trace": "warn",
    "smolvm=off": "warn",
    "smolvm::runner=debug": "warn",
    "nonsense": "warn",
  };
  for (const [rustLog, level] of Object.entries(levels)) assert.equal(choose({ rustLog }), level, rustLog);
});

Deno.test("chooseLogLevel() refuses an unknown level and names its source", () => {
  const expected = "expected error, warn, info, debug, trace";
  assert.throws(() => choose({ flag: "loud" }), {
    code: "usage",
    message: `Cannot set the log level to "loud" (--log-level): ${expected}`,
  });
  assert.throws(() => choose({ smolvmLog: "DEBUG" }), {
    code: "usage",
    message: `Cannot set the log level to "DEBUG" (SMOLVM_LOG): ${expected}`,
  });
});
