import assert from "node:assert/strict";
import { runProcess } from "../../tests/helpers/process.ts";

/** What a script prints that has the functions at hand, and no permission but to run `sh`. */
async function outputOf(script: string): Promise<string> {
  const from = JSON.stringify(import.meta.resolve("./by_sh.ts"));
  const source = `import { killProcessId, readKernelFile } from ${from};\n${script}`;
  const url = `data:application/typescript,${encodeURIComponent(source)}`;
  const args = ["run", "--no-config", "--no-check", "--no-prompt", "--allow-run=sh", "--allow-import", url];
  const { stdout, stderr } = await runProcess(Deno.execPath(), { args });
  return stdout + stderr;
}

Deno.test("readKernelFile() reads for a program without every permission, and says what is not there", async () => {
  assert.equal(
    await outputOf('console.log(readKernelFile("/proc/1/comm"))'),
    `${Deno.readTextFileSync("/proc/1/comm")}\n`,
  );
  const script =
    'try { readKernelFile("/proc/none") } catch (error) { console.log(error instanceof Deno.errors.NotFound) }';
  assert.equal(await outputOf(script), "true\n");
});

Deno.test("killProcessId() kills for a program without every permission, and says when there is nobody", async () => {
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
