// Runs the TypeScript examples in the documentation that need no VM, as scripts of a user who has no machines or images
// yet. Prints each failed example, and exits 1 if any failed or if there are none.
//
//   run_examples.ts FILE...
import { needsVm, typescriptBlocks } from "./code_blocks.ts";

const home = await Deno.makeTempDir({ prefix: "smolvm-" });
const env = { HOME: home, XDG_STATE_HOME: home, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home, SMOLVM_STORAGE: home };
let [passed, failed] = [0, 0];
for (const file of Deno.args) {
  for (const block of typescriptBlocks(await Deno.readTextFile(file)).filter((block) => !needsVm(block))) {
    const error = await run(block.code);
    if (error === undefined) {
      passed++;
    } else {
      failed++;
      console.error(`${file}:${block.line}: the example fails: ${error}`);
    }
  }
}
await Deno.remove(home, { recursive: true });
console.log(`${passed} of ${passed + failed} examples`);
if (passed === 0 || failed > 0) Deno.exit(1);

/** Runs a script in the current folder, whose deno.json maps `smolvm`; returns the error output if it failed. */
async function run(code: string): Promise<string | undefined> {
  const script = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "--no-prompt", "--cached-only", "--frozen", "-"],
    env,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  await new Blob([code]).stream().pipeTo(script.stdin);
  const { success, stderr } = await script.output();
  return success ? undefined : new TextDecoder().decode(stderr).trim();
}
