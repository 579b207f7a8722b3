import assert from "node:assert/strict";
import { parseCopyPath } from "./copy_path.ts";

Deno.test("parseCopyPath() distinguishes machine paths from host paths", () => {
  const guest = (name: string, path: string) => ({ kind: "guest", name, path });
  const host = (path: string) => ({ kind: "host", path });
  assert.deepEqual(parseCopyPath("web:/srv"), guest("web", "/srv"));
  assert.deepEqual(parseCopyPath("web:a:b"), guest("web", "a:b"));
  assert.deepEqual(parseCopyPath("web:"), guest("web", ""));
  assert.deepEqual(parseCopyPath("-"), { kind: "stream" });
  for (const path of ["file", "./a:b", "../a:b", "/a:b", "folder/a:b", ":a", "./-"]) {
    assert.deepEqual(parseCopyPath(path), host(path));
  }
});
