import assert from "node:assert/strict";
import { killChild } from "./child_process.ts";

Deno.test("killChild() ends a child, and ignores one that has ended", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  killChild(child, "SIGTERM");
  assert.equal((await child.status).signal, "SIGTERM");
  killChild(child, "SIGTERM");
});
