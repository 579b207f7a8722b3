import assert from "node:assert/strict";
import { parseOpenFilesLimit } from "./open_files.ts";

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             96418                96418                processes
Max open files            1024                 4096                 files
`;

Deno.test("parseOpenFilesLimit() returns the hard limit, to which any user can raise the soft limit", () => {
  assert.equal(parseOpenFilesLimit(LIMITS), 4096);
  assert.equal(parseOpenFilesLimit(LIMITS.replace("4096", "unlimited")), undefined);
  assert.equal(parseOpenFilesLimit(""), undefined);
});
