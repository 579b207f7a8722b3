import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { serveEach } from "./accept.ts";

Deno.test("serveEach() continues after a failed accept or connection, until the listener is closed", async () => {
  const turns: (() => string)[] = [
    () => "first",
    () => {
      throw new Error("Too many open files");
    },
    () => "second",
    () => {
      throw new Deno.errors.BadResource("closed");
    },
  ];
  const served: string[] = [];
  const listener = { accept: () => Promise.resolve().then(() => turns.shift()!()) };
  await serveEach(listener, {
    what: "test",
    serve: (conn) => {
      served.push(conn);
      return Promise.reject(new Error("broken"));
    },
  });
  assert.deepEqual(served, ["first", "second"]);
});

Deno.test("serveEach() returns when its listener is closed", async () => {
  using folder = makeTempFolder();
  const listener = Deno.listen({ transport: "unix", path: `${folder.path}/socket` });
  const done = serveEach(listener, { what: "test", serve: () => assert.fail("nobody has dialled") });
  listener.close();
  await done;
});
