import assert from "node:assert/strict";
import { imageStorage } from "./storage.ts";

/** The storage with these variables set, or unset where `undefined`. */
function storageWith(variables: Record<string, string | undefined>) {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  const apply = ([name, value]: readonly [string, string | undefined]) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  try {
    Object.entries(variables).forEach(apply);
    return imageStorage();
  } finally {
    before.forEach(apply);
  }
}

Deno.test("imageStorage() uses the folder in SMOLVM_STORAGE", () => {
  const { options } = storageWith({ SMOLVM_STORAGE: "/images" });
  assert.deepEqual(options, ["--root", "/images/root", "--runroot", "/images/runroot"]);
  assert.deepEqual(storageWith({ SMOLVM_STORAGE: "images" }).options[1], `${Deno.cwd()}/images/root`);
});

Deno.test({
  name: "imageStorage() uses buildah's default without SMOLVM_STORAGE",
  ignore: Deno.build.os === "darwin", // macOS uses a dedicated volume
  fn() {
    assert.deepEqual(storageWith({ SMOLVM_STORAGE: undefined }).options, []);
    assert.deepEqual(storageWith({ SMOLVM_STORAGE: "" }).options, []);
  },
});

Deno.test("imageStorage() returns another key when buildah uses another storage", () => {
  const keys = [
    { SMOLVM_STORAGE: "/a" },
    { SMOLVM_STORAGE: "/b" },
    { SMOLVM_STORAGE: "/a", STORAGE_DRIVER: "vfs" },
    { SMOLVM_STORAGE: "/a", CONTAINERS_STORAGE_CONF: "/etc/other.conf" },
    { SMOLVM_STORAGE: "/a", HOME: "/home/other" },
  ].map((variables) => storageWith(variables).key);
  assert.equal(new Set(keys).size, keys.length);
});
