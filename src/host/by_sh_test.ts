import assert from "node:assert/strict";
import { runProcess } from "../../tests/helpers/process.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";

/** Runs a script with no permission except to run the first `sh` in `path`; returns its output. */
async function outputOf(script: string, path = Deno.env.get("PATH")!): Promise<string> {
  const from = JSON.stringify(import.meta.resolve("./by_sh.ts"));
  const source = `import { killProcessId, readKernelFile } from ${from};\n${script}`;
  const url = `data:application/typescript,${encodeURIComponent(source)}`;
  const args = ["run", "--no-config", "--no-check", "--no-prompt", "--allow-run=sh", "--allow-import", url];
  const { stdout, stderr } = await runProcess(Deno.execPath(), { args, env: { PATH: path } });
  return stdout + stderr;
}

Deno.test("readKernelFile() works for a program with few permissions, and fails for a missing file", async () => {
  assert.equal(
    await outputOf('console.log(readKernelFile("/proc/1/comm"))'),
    `${Deno.readTextFileSync("/proc/1/comm")}\n`,
  );
  const script =
    'try { readKernelFile("/proc/none") } catch (error) { console.log(error instanceof Deno.errors.NotFound) }';
  assert.equal(await outputOf(script), "true\n");
});

Deno.test("killProcessId() works for a program with few permissions, and fails for a missing process", async () => {
  await using child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  assert.equal(await outputOf(`killProcessId(${child.pid})`), "");
  assert.equal((await child.status).signal, "SIGKILL");
  await using leader = new Deno.Command("sleep", { args: ["60"], detached: true }).spawn();
  assert.equal(await outputOf(`killProcessId(${-leader.pid})`), "");
  assert.equal((await leader.status).signal, "SIGKILL");
  const script =
    `try { killProcessId(${child.pid}) } catch (error) { console.log(error instanceof Deno.errors.NotFound) }`;
  assert.equal(await outputOf(script), "true\n");
});

Deno.test("readKernelFile() and killProcessId() distinguish forbidden from missing", async () => {
  using bin = makeTempFolder();
  const drop = Deno.uid() === 0 ? "exec setpriv --reuid 65534 --clear-groups /bin/sh" : "exec /bin/sh";
  await Deno.writeTextFile(`${bin.path}/sh`, `#!/bin/sh\n${drop} "$@"\n`, { mode: 0o755 });
  await Deno.chmod(bin.path, 0o755);
  for (const call of ['readKernelFile("/proc/1/environ")', "killProcessId(1)"]) {
    const script = `try { ${call} } catch (error) { console.log(error instanceof Deno.errors.PermissionDenied) }`;
    assert.equal(await outputOf(script, `${bin.path}:${Deno.env.get("PATH")}`), "true\n", call);
  }
});
