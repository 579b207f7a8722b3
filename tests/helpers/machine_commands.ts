/**
 * Machines that persist, as their users see them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { assertCode, type Outcome } from "./process.ts";
import type { VmSuite } from "./vm_suite.ts";

/** What `smolvm list --json` says of a machine that it can read, as far as tests care. */
export interface ListedMachine {
  id: string;
  name: string;
  state: string;
  pid: number | null;
  exitCode: number | null;
  reason: string | null;
  error: { message: string } | null;
}

/** Short words for what tests do with machines; each fails with everything that smolvm said. */
export function machineCommands({ smolvm }: Pick<VmSuite, "smolvm">) {
  const demand = async (args: string[]): Promise<Outcome> => {
    const outcome = await smolvm(args);
    assertCode(outcome, 0);
    return outcome;
  };
  const list = async () => JSON.parse((await demand(["list", "--json"])).stdout) as ListedMachine[];
  return {
    demand,
    list,
    /** The machine as `list` has it. */
    async listed(name: string): Promise<ListedMachine> {
      const machine = (await list()).find((machine) => machine.name === name);
      assert.ok(machine, `no machine "${name}"`);
      return machine;
    },
    create: (name: string, ...args: string[]) => demand(["create", "--name", name, ...args]),
    start: (name: string) => demand(["start", name]),
    stop: (...args: string[]) => demand(["stop", ...args]),
    /** Deletes machines, whatever they do. */
    remove: (...names: string[]) => demand(["delete", "--force", ...names]),
  };
}

/** The lines that a machine's command wrote to one of its streams, from the machine's log. */
export async function logOf(state: string, id: string, stream = "stdout"): Promise<string[]> {
  const text = await Deno.readTextFile(`${state}/smolvm/machines/${id}/command.log`).catch(() => "");
  const lines = text.split("\n").map((line) => /^\S+Z (\w+) F (.*)$/.exec(line));
  return lines.flatMap((match) => match?.[1] === stream ? [match[2]!] : []);
}
