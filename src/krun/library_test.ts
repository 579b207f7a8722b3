import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { libraryCandidates, type LibraryFacts, loadKrun } from "./library.ts";

const facts = (os: string, env: Record<string, string> = {}): LibraryFacts => ({
  os,
  arch: "x86_64",
  libFolder: "/opt/smolvm/lib",
  env: (name) => env[name],
});

Deno.test("libraryCandidates() starts beside the executable, then lists the system's folders", () => {
  const { paths } = libraryCandidates("libkrun", facts("linux"));
  assert.equal(paths[0], "/opt/smolvm/lib/libkrun.so.1");
  assert.ok(paths.includes("/usr/lib64/libkrun.so.1"));
  assert.ok(paths.includes("/usr/lib/x86_64-linux-gnu/libkrun.so.1"));
  assert.equal(libraryCandidates("libkrunfw", facts("linux")).paths[0], "/opt/smolvm/lib/libkrunfw.so.5");
});

Deno.test("libraryCandidates() lists the Homebrew folders of both architectures on macOS", () => {
  const { paths } = libraryCandidates("libkrunfw", facts("darwin"));
  assert.deepEqual(paths, [
    "/opt/smolvm/lib/libkrunfw.5.dylib",
    "/opt/homebrew/lib/libkrunfw.5.dylib",
    "/usr/local/lib/libkrunfw.5.dylib",
  ]);
});

Deno.test("libraryCandidates() has one override per library", () => {
  const env = { SMOLVM_LIBKRUN: "/a/libkrun.so" };
  assert.deepEqual(libraryCandidates("libkrun", facts("linux", env)).override, {
    variable: "SMOLVM_LIBKRUN",
    path: "/a/libkrun.so",
  });
  assert.deepEqual(libraryCandidates("libkrunfw", facts("linux", env)).override, {
    variable: "SMOLVM_LIBKRUNFW",
    path: undefined,
  });
});

Deno.test("loadKrun() names the override whose file is missing", () => {
  using folder = makeTempFolder();
  const missing = `${folder.path}/libkrunfw.so.5`;
  using _ = setEnv({ SMOLVM_LIBKRUNFW: missing });
  assert.throws(loadKrun, {
    code: "dependency",
    message: `Cannot find libkrunfw: SMOLVM_LIBKRUNFW names "${missing}"`,
  });
});

Deno.test("loadKrun() names a file that is not a library", () => {
  using folder = makeTempFolder();
  const text = `${folder.path}/libkrunfw.so.5`;
  Deno.writeTextFileSync(text, "text");
  using _ = setEnv({ SMOLVM_LIBKRUNFW: text });
  assert.throws(loadKrun, (error: { code: string; message: string }) => {
    assert.equal(error.code, "dependency");
    assert.ok(error.message.startsWith(`Cannot load "${text}": `), error.message);
    return true;
  });
});
