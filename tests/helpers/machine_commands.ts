/**
 * Commands on persistent machines. `start` and `demand` run the real command line. The others, which most tests need
 * only to prepare or to check something, use the module: a process takes seconds to start in the emulated machine.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { machineJson } from "../../src/cli/list.ts";
import { machineCommand } from "../../src/cli/machine_command.ts";
import { machineOptions } from "../../src/cli/machine_options.ts";
import { SmolvmError } from "../../src/errors.ts";
import { type ExecOptions, Machine } from "../../src/mod.ts";
import { setEnv } from "./env.ts";
import { assertCode, type Outcome } from "./process.ts";
import { until } from "./until.ts";
import type { VmSuite } from "./vm_suite.ts";

/** The fields of a readable machine in `smolvm list --json` that tests use. */
export interface ListedMachine {
  id: string;
  name: string;
  state: string;
  pid: number | null;
  exitCode: number | null;
  reason: string | null;
  error: { message: string } | null;
}

/**
 * Short names for operations on machines; each fails with all output of smolvm. Without `env`, the environment of
 * `smolvm`, they use only the command line, as for another user's machines; `inGuest()` needs `env`.
 */
export function machineCommands({ smolvm, env }: Pick<VmSuite, "smolvm"> & Partial<Pick<VmSuite, "env">>) {
  let last: Promise<unknown> = Promise.resolve();
  /** Runs functions with the suite's environment, one after the other: the environment is that of this process. */
  const inSuiteEnv = <T>(body: () => Promise<T>): Promise<T> => {
    const result = last.then(async () => {
      using _ = setEnv(env!);
      return await body();
    });
    last = result.catch(() => {});
    return result;
  };
  const demand = async (args: string[]): Promise<Outcome> => {
    const outcome = await smolvm(args);
    assertCode(outcome, 0);
    return outcome;
  };
  const list = async () => {
    if (env === undefined) return JSON.parse((await demand(["list", "--json"])).stdout) as ListedMachine[];
    return await inSuiteEnv(async () => (await Machine.list()).map(machineJson) as ListedMachine[]);
  };
  const create = async (args: string[]) => {
    const command = machineCommand("create", [], async (line) => {
      const { tty = false, interactive: stdin = false } = line.options;
      await Machine.create({ ...await machineOptions(line, undefined), tty, stdin });
    });
    await command.exitOverride().parseAsync(args, { from: "user" });
  };
  const stop = async (args: string[]) => {
    const options = { timeout: { type: "string", short: "t" }, force: { type: "boolean", short: "f" } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const timeoutMs = values.timeout === undefined ? undefined : Number(values.timeout) * 1000;
    for (const name of positionals) await (await Machine.get(name)).stop({ timeoutMs, force: values.force });
  };
  const remove = async (name: string) => {
    try {
      await (await Machine.get(name)).delete({ force: true });
    } catch (error) {
      if (!(error instanceof SmolvmError) || error.code !== "no-machine") throw error;
    }
  };
  return {
    demand,
    list,
    /** The machine as `list` prints it. */
    async listed(name: string): Promise<ListedMachine> {
      const machine = (await list()).find((machine) => machine.name === name);
      assert.ok(machine, `no machine "${name}"`);
      return machine;
    },
    /** Does what `smolvm create --name NAME ARGS` does. */
    async create(name: string, ...args: string[]): Promise<void> {
      if (env === undefined) await demand(["create", "--name", name, ...args]);
      else await inSuiteEnv(() => create(["--name", name, ...args]));
    },
    start: (name: string) => demand(["start", name]),
    /** Does what `smolvm stop ARGS` does. */
    async stop(...args: string[]): Promise<void> {
      if (env === undefined) await demand(["stop", ...args]);
      else await inSuiteEnv(() => stop(args));
    },
    /** Runs a shell script in a machine and returns its output; fails unless it exits with 0. */
    async inGuest(name: string, script: string, options: ExecOptions = {}): Promise<string> {
      return await inSuiteEnv(async () => {
        const { code, stdout, stderr } = await (await Machine.get(name)).exec(["sh", "-c", script], options);
        assert.equal(code, 0, stderr);
        return stdout;
      });
    },
    /** Deletes machines in any state, as `smolvm delete --force` does. */
    async remove(...names: string[]): Promise<void> {
      if (env === undefined) await demand(["delete", "--force", ...names]);
      else for (const name of names) await inSuiteEnv(() => remove(name));
    },
  };
}

/** The lines that a machine's command wrote to one of its streams, from the machine's log. */
export async function logOf(state: string, id: string, stream = "stdout"): Promise<string[]> {
  const text = await Deno.readTextFile(`${state}/smolvm/machines/${id}/vm/command.log`).catch(() => "");
  const lines = text.split("\n").map((line) => /^\S+Z (\w+) F (.*)$/.exec(line));
  return lines.flatMap((match) => match?.[1] === stream ? [match[2]!] : []);
}

/** Settles when a machine's command has written a line to its standard output. */
export async function untilLogged(state: string, id: string, line: string): Promise<void> {
  await until(async () => (await logOf(state, id)).includes(line));
}
