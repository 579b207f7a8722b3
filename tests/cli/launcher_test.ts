import assert from "node:assert/strict";
import deno from "../../deno.json" with { type: "json" };
import { SMOLVM } from "../helpers/cli.ts";
import { runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";

Deno.test("./smolvm works through symlinks, absolute and relative, and from any folder", async () => {
  using folder = makeTempFolder();
  await Deno.mkdir(`${folder.path}/bin`);
  await Deno.symlink(SMOLVM, `${folder.path}/absolute`);
  await Deno.symlink("../absolute", `${folder.path}/bin/relative`);
  for (const command of [`${folder.path}/absolute`, `${folder.path}/bin/relative`, "./bin/relative"]) {
    const { code, stdout, stderr } = await runProcess(command, { args: ["--version"], cwd: folder.path });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${deno.version}\n`, stderr: "" }, command);
  }
});

Deno.test("./smolvm of a checkout that is not set up says which command does it", async () => {
  using folder = makeTempFolder();
  await Deno.copyFile(SMOLVM, `${folder.path}/smolvm`);
  const { code, stdout, stderr } = await runProcess(`${folder.path}/smolvm`, { args: ["--version"] });
  assert.deepEqual({ code, stdout, stderr }, {
    code: 125,
    stdout: "",
    stderr: `smolvm: this checkout is not set up: run ${folder.path}/scripts/setup\n`,
  });
});
