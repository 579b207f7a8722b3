import assert from "node:assert/strict";
import { checkOwnership } from "./ownership.ts";

Deno.test("checkOwnership() refuses an ordinary user another user's folder, on Linux", () => {
  const folder = { path: "/rootfs", owner: 0, uid: 1000, os: "linux" };
  const message = 'Cannot boot "/rootfs" as an ordinary user: it belongs to the user with id 0';
  assert.throws(() => checkOwnership(folder), { code: "source", message });
});

Deno.test("checkOwnership() accepts the user's own folder, and any folder for root or on macOS", () => {
  checkOwnership({ path: "/rootfs", owner: 1000, uid: 1000, os: "linux" });
  checkOwnership({ path: "/rootfs", owner: 1000, uid: 0, os: "linux" });
  checkOwnership({ path: "/rootfs", owner: 0, uid: 501, os: "darwin" });
});
