import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { buildah, type BuildahRun, tryBuildah } from "./buildah.ts";

/** Runs a test with a script as buildah, or without buildah. */
async function withBuildah(script: string | undefined, test: (run: BuildahRun) => Promise<void>): Promise<void> {
  using folder = makeTempFolder();
  const path = `${folder.path}/buildah`;
  if (script !== undefined) await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  using _ = setEnv({ PATH: script === undefined ? folder.path : `${folder.path}:${Deno.env.get("PATH")}` });
  await test({ action: 'pull "app"', options: ["--root", "/r"], temporaryFolder: folder.path });
}

Deno.test("buildah() returns the trimmed output and passes on progress", () =>
  withBuildah('echo "Copying blob" >&2; echo " $* in $TMPDIR "', async (run) => {
    let progress = "";
    const onProgress = (chunk: Uint8Array) => progress += new TextDecoder().decode(chunk);
    const output = await buildah(["pull", "app"], { ...run, onProgress });
    assert.equal(output, `--root /r pull app in ${run.temporaryFolder}`);
    assert.equal(progress, "Copying blob\n");
  }));

Deno.test("buildah() fails with buildah's error, or its exit code when it printed none", async () => {
  await withBuildah(
    'echo "Error: manifest unknown" >&2; exit 125',
    (run) => assert.rejects(buildah([], run), { code: "image", message: /^Cannot pull "app": .*manifest unknown$/ }),
  );
  await withBuildah(
    "exit 3",
    (run) => assert.rejects(buildah([], run), { code: "image", message: 'Cannot pull "app": exit code 3' }),
  );
  await withBuildah(
    "kill -9 $$",
    (run) => assert.rejects(buildah([], run), { message: 'Cannot pull "app": buildah was ended by SIGKILL' }),
  );
});

Deno.test("buildah() reports that buildah is missing and how to install it", () =>
  withBuildah(undefined, async (run) => {
    await Deno.writeTextFile(`${run.temporaryFolder}/buildah`, "not executable", { mode: 0o644 });
    await assert.rejects(tryBuildah([], run), {
      code: "dependency",
      message: "Cannot find buildah, which images need",
      hint: Deno.build.os === "darwin" ? "Install it: brew install buildah" : "Install the package buildah.",
    });
  }));

Deno.test("buildah() kills buildah when its signal is aborted", () =>
  withBuildah("exec sleep 60", async (run) => {
    const controller = new AbortController();
    const running = buildah([], { ...run, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(running, { code: "interrupted", message: 'Cannot pull "app": interrupted' });
    await assert.rejects(buildah([], { ...run, signal: controller.signal }), { code: "interrupted" });
  }));
