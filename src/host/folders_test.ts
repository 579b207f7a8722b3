import assert from "node:assert/strict";
import { foldersOf } from "./folders.ts";

const linux = (env: Record<string, string>, uid = 1000) => foldersOf({ os: "linux", uid, env: (name) => env[name] });

Deno.test("foldersOf() returns the XDG folders on Linux, or their defaults", () => {
  assert.deepEqual(linux({ HOME: "/home/a" }), {
    configFile: "/home/a/.config/smolvm/smolvm.toml",
    state: "/home/a/.local/state/smolvm",
    runtime: "/tmp/smolvm-1000",
  });
  const xdg = { XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/r" };
  assert.deepEqual(linux({ HOME: "/home/a", ...xdg }), {
    configFile: "/c/smolvm/smolvm.toml",
    state: "/s/smolvm",
    runtime: "/r/smolvm",
  });
  assert.equal(linux({ HOME: "/root" }, 0).runtime, "/run/smolvm");
});

Deno.test("foldersOf() ignores a relative or empty XDG folder, as the specification says", () => {
  assert.equal(linux({ HOME: "/h", XDG_STATE_HOME: "state" }).state, "/h/.local/state/smolvm");
  assert.equal(linux({ HOME: "/h", XDG_RUNTIME_DIR: "" }).runtime, "/tmp/smolvm-1000");
});

Deno.test("foldersOf() returns the macOS folders and ignores XDG there", () => {
  const env: Record<string, string> = { HOME: "/Users/a", XDG_STATE_HOME: "/s" };
  assert.deepEqual(foldersOf({ os: "darwin", uid: 501, env: (name) => env[name] }), {
    configFile: "/Users/a/Library/Preferences/rs.smolvm/smolvm.toml",
    state: "/Users/a/Library/Application Support/rs.smolvm",
    runtime: "/tmp/smolvm-501",
  });
});

Deno.test("foldersOf() refuses a missing or relative HOME", () => {
  assert.throws(() => linux({}), { code: "config", message: "Cannot find the home folder: HOME is not set" });
  assert.throws(() => linux({ HOME: "home" }), {
    code: "config",
    message: 'Cannot find the home folder: HOME is "home"',
  });
});
