import assert from "node:assert/strict";
import { chooseLogLevel, type LogLevelSources } from "./log_options.ts";

const choose = (sources: Partial<LogLevelSources>) =>
  chooseLogLevel({ flag: undefined, smolvmLog: undefined, rustLog: undefined, ...sources });

Deno.test("chooseLogLevel() takes the flag before SMOLVM_LOG before RUST_LOG, and warn without any", () => {
  assert.equal(choose({ flag: "error", smolvmLog: "info", rustLog: "smolvm=trace" }), "error");
  assert.equal(choose({ smolvmLog: "info", rustLog: "smolvm=trace" }), "info");
  assert.equal(choose({ rustLog: "smolvm=trace" }), "trace");
  assert.equal(choose({}), "warn");
  assert.equal(choose({ smolvmLog: "", rustLog: "" }), "warn");
});

Deno.test("chooseLogLevel() finds in RUST_LOG what is for smolvm, or for everyone", () => {
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

Deno.test("chooseLogLevel() refuses a level that does not exist and says where it was set", () => {
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
