/**
 * The frame of the tests that boot VMs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { messageOf } from "../../src/errors.ts";
import { checkVirtualization } from "../../src/host/virtualization.ts";
import { tailOf } from "../../src/state/tail.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { SMOLVM } from "./cli.ts";
import { listOf, MARK, runnersOf, takeInventory, type Territory, untilInventory } from "./inventory.ts";
import { type Outcome, Process, type ProcessOptions, runProcess } from "./process.ts";

/** How a `smolvm` of a test is run; `args` are its own. */
export interface SmolvmOptions extends Partial<ProcessOptions> {
  input?: string | Uint8Array;
}

export interface VmTestOptions {
  /** How long what a killed smolvm leaves may stay; nothing is left at all after an ordered end. */
  settlesWithinMs?: number;
}

/** A smolvm with folders of its own, for the tests of one file. */
export interface VmSuite extends Territory {
  /** A root filesystem of busybox that all tests share: none may change it. */
  rootfs: string;
  /** What makes a smolvm use these folders. */
  env: Record<string, string>;
  /** Registers a test, after which nothing may be left but images that were prepared. */
  test(name: string, body: () => Promise<void>, options?: VmTestOptions): void;
  /** Runs `smolvm ARGS` to its end. */
  smolvm(args: string[], options?: SmolvmOptions): Promise<Outcome>;
  /** Starts `smolvm ARGS`. */
  start(args: string[], options?: Partial<ProcessOptions>): Process;
  /** Runs a command in a VM of the shared root filesystem, and demands that smolvm itself says nothing. */
  run(...command: string[]): Promise<Outcome>;
  /** Makes a folder for a test. */
  makeFolder(name: string): Promise<string>;
}

/**
 * Makes the suite of a test file. Its tests are skipped, and the reason printed, where no VM can run.
 *
 * @param parent of its folder; a script without every permission cannot have one below /dev
 */
export function vmSuite({ parent = tmpfs() } = {}): VmSuite {
  const folder = Deno.makeTempDirSync({ prefix: "smolvm-", dir: parent });
  const [state, runtime, storage] = [`${folder}/state`, `${folder}/runtime`, `${folder}/storage`];
  const env = {
    [MARK]: folder,
    XDG_STATE_HOME: state,
    XDG_RUNTIME_DIR: runtime,
    XDG_CONFIG_HOME: `${folder}/config`,
    SMOLVM_STORAGE: storage,
    SMOLVM_LOG: "",
    RUST_LOG: "",
    NO_COLOR: "1",
  };
  const suite: VmSuite = {
    folder,
    state,
    runtime,
    storage,
    env,
    rootfs: `${folder}/rootfs`,
    test: (name, body, options) => registerTest(suite, name, { body, ...options }),
    smolvm: (args, options = {}) => runProcess(SMOLVM, { ...options, args, env: { ...env, ...options.env } }),
    start: (args, options = {}) => new Process(SMOLVM, { ...options, args, env: { ...env, ...options.env } }),
    async run(...command) {
      const outcome = await suite.smolvm(["run", suite.rootfs, ...command]);
      assert.doesNotMatch(outcome.stderr, /^smolvm: /m);
      return outcome;
    },
    async makeFolder(name) {
      await Deno.mkdir(`${folder}/${name}`);
      return `${folder}/${name}`;
    },
  };
  Deno.test.beforeAll(async () => {
    await Deno.mkdir(suite.rootfs);
    await buildRootfs(suite.rootfs);
  });
  Deno.test.afterAll(() => removeSuite(suite));
  return suite;
}

function registerTest(
  suite: VmSuite,
  name: string,
  { body, settlesWithinMs = 0 }: VmTestOptions & { body: () => Promise<void> },
): void {
  const reason = whyNoVm();
  if (reason !== undefined && Deno.env.get("SMOLVM_REQUIRE_VM") !== "1") {
    console.log(`skipped: ${name}: ${reason}`);
    Deno.test.ignore(name, body);
    return;
  }
  Deno.test(name, async () => {
    if (reason !== undefined) throw new Error(`No VM can run here: ${reason}`);
    const before = await takeInventory(suite);
    try {
      await body();
      await untilInventory(suite, before, settlesWithinMs);
    } catch (error) {
      await printMachines(suite);
      // It must not fail those that come after it.
      await removeMachines(suite);
      throw error;
    }
  });
}

function whyNoVm(): string | undefined {
  try {
    checkVirtualization();
  } catch (error) {
    return messageOf(error);
  }
}

/** Where there is one: buildah's overlay driver cannot do with an overlay below it, and `/` may be one. */
function tmpfs(): string {
  try {
    Deno.statSync("/dev/shm");
    return "/dev/shm";
  } catch {
    return "/tmp";
  }
}

/** What a failed test left of machines: how they are, and what their VMs said last. */
async function printMachines({ state }: VmSuite): Promise<void> {
  const files = ["status.json", "runner.log", "console.log"];
  for (const kind of ["machines", "ephemeral"]) {
    for (const id of listOf(`${state}/smolvm/${kind}`)) {
      for (const file of files) {
        for (const line of await tailOf(`${state}/smolvm/${kind}/${id}/${file}`, 5)) {
          console.log(`${id} ${file}: ${line}`);
        }
      }
    }
  }
}

async function removeMachines(suite: VmSuite): Promise<void> {
  for (const pid of runnersOf(suite)) Deno.kill(pid, "SIGKILL");
  const { stdout } = await suite.smolvm(["list", "-q"]);
  const names = stdout.split("\n").filter((name) => name !== "");
  if (names.length > 0) await suite.smolvm(["delete", "--force", ...names]);
}

async function removeSuite({ folder, storage }: VmSuite): Promise<void> {
  const unmount = ["--root", `${storage}/root`, "--runroot", `${storage}/runroot`, "rm", "--all"];
  if ((await Deno.stat(storage).catch(() => undefined)) !== undefined) await runProcess("buildah", { args: unmount });
  await Deno.remove(folder, { recursive: true });
}
