import assert from "node:assert/strict";
import { fakeLaunch } from "../../tests/helpers/fake_runner.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { exists } from "../host/files.ts";
import { boot } from "./boot.ts";

Deno.test("boot() that is given up leaves no runner, also not one that is a child of what is started", async () => {
  using temp = makeTempFolder();
  const { path } = temp;
  using launch = fakeLaunch(path, `(touch '${path}/begun' && sleep 0.2 && touch '${path}/survived') & wait`);
  const controller = new AbortController();
  const reason = new Error("enough");
  const given = assert.rejects(boot(launch, controller.signal), reason);
  while (!exists(`${path}/begun`)) await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort(reason);
  await given;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(exists(`${path}/survived`), false);
});
