/**
 * The framework of the tests that boot VMs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { messageOf } from "../../src/errors.ts";
import { tailOf } from "../../src/host/tail.ts";
import { checkVirtualization } from "../../src/host/virtualization.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { SMOLVM } from "./cli.ts";
import { listOf, MARK, runnersOf, takeInventory, type TestFolders, untilInventory } from "./inventory.ts";
import { type Outcome, Process, type ProcessOptions, runProcess } from "./process.ts";

/** How a test runs `smolvm`. */
export interface SmolvmOptions extends Partial<ProcessOptions> {
  input?: string | Uint8Array;
}

export interface VmTestOptions {
  /** How long processes and files of a killed smolvm may remain; after a normal exit, none may. */
  settlesWithinMs?: number;
  /** Runs before the test's first inventory: the things that it makes may outlive the test. */
  setUp?: () => Promise<void>;
  /** The test's deadline, if the one of `scripts/test_deadline.ts` is too short. */
  timeoutMs?: number;
}

/** A smolvm with its own folders, for the tests of one file. */
export interface VmSuite extends TestFolders {
  /** A busybox root filesystem that all tests share; tests must not change it. */
  rootfs: string;
  /** The environment that makes smolvm use these folders. */
  env: Record<string, string>;
  /** Registers a test, which may leave only prepared images behind. */
  test(name: string, body: () => Promise<void>, options?: VmTestOptions): void;
  /** Runs `smolvm ARGS` until it exits. */
  smolvm(args: string[], options?: SmolvmOptions): Promise<Outcome>;
  /** Starts `smolvm ARGS`. */
  start(args: string[], options?: Partial<ProcessOptions>): Process;
  /** Runs a command in a VM with the shared root filesystem; fails if smolvm prints anything itself. */
  run(...command: string[]): Promise<Outcome>;
  /** Makes a folder for a test. */
  makeFolder(name: string): Promise<string>;
}

/**
 * Makes the suite of a test file. If no VM can run, its tests are skipped and the reason is printed.
 *
 * @param parent the parent of its folder; not below /dev if the tests run scripts without all permissions
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
    // Several VMs that boot at once in an emulated machine take longer than the default.
    SMOLVM_BOOT_TIMEOUT: "240",
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
  { body, settlesWithinMs = 0, setUp, timeoutMs }: VmTestOptions & { body: () => Promise<void> },
): void {
  const reason = vmProblem();
  if (reason !== undefined && Deno.env.get("SMOLVM_REQUIRE_VM") !== "1") {
    console.log(`skipped: ${name}: ${reason}`);
    Deno.test.ignore(name, body);
    return;
  }
  Deno.test(name, timeoutMs === undefined ? {} : { timeout: timeoutMs }, async () => {
    if (reason !== undefined) throw new Error(`No VM can run here: ${reason}`);
    try {
      await setUp?.();
      const before = await takeInventory(suite);
      await body();
      await untilInventory(suite, before, settlesWithinMs);
    } catch (error) {
      printMachines(suite);
      // Clean up, so that the following tests do not fail.
      await removeMachines(suite);
      throw error;
    }
  });
}

function vmProblem(): string | undefined {
  try {
    checkVirtualization();
  } catch (error) {
    return messageOf(error);
  }
}

/** A tmpfs if there is one: buildah's overlay driver does not work on an overlay, and `/` may be one. */
function tmpfs(): string {
  try {
    Deno.statSync("/dev/shm");
    return "/dev/shm";
  } catch {
    return "/tmp";
  }
}

/** Prints the status and the last log lines of the machines that a failed test left. */
function printMachines({ state }: VmSuite): void {
  const files = ["status.json", "runner.log", "console.log"];
  for (const kind of ["machines", "ephemeral"]) {
    for (const id of listOf(`${state}/smolvm/${kind}`)) {
      for (const file of files) {
        for (const line of tailOf(`${state}/smolvm/${kind}/${id}/vm/${file}`, 5)) {
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
