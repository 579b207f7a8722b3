import { exists } from "../host/files.ts";
import { commandLogFile, consoleLog, diskFile, networkLog, runnerLog } from "../state/machine_folders.ts";
import { type JailFacts, jailFacts } from "../jail/facts.ts";
import { type FoundMachine, isReadable } from "../state/lookup.ts";
import { type NetworkDetails, networkDetails } from "./network.ts";

/** Where the files of a machine are, and how its VM's process is confined. */
export interface MachineDetails {
  folder: string;
  /** The folder of its sockets. */
  runtimeFolder: string;
  /** The guest's disk. */
  disk: string;
  logs: {
    /** The output of its command; null: it is not stored but goes to the process that runs the machine. */
    command: string | null;
    /** Messages of the VM's process. */
    runner: string;
    /** Messages of the guest's kernel. */
    console: string;
    /** Messages of its gateway about its network; null: it has no network. */
    network: string | null;
  };
  /** Its network in the current or last run; null: it has no network. */
  network: NetworkDetails | null;
  /** How its VM's process is confined, according to the host's kernel; null: it does not run, or not on Linux. */
  jail: JailFacts | null;
}

/** Returns the details of a machine, including files that exist only while it runs. */
export async function machineDetails(machine: FoundMachine): Promise<MachineDetails> {
  const { folder, runtimeFolder } = machine;
  const log = commandLogFile(folder);
  const command = "ephemeral" in machine && machine.ephemeral && !exists(log) ? null : log;
  const network = isReadable(machine) ? await networkDetails(machine) : null;
  const logs = {
    command,
    runner: runnerLog(folder),
    console: consoleLog(folder),
    network: network && networkLog(folder),
  };
  const pid = isReadable(machine) ? machine.status.process?.pid : undefined;
  const jail = Deno.build.os === "linux" && pid !== undefined && jailFacts(pid) || null;
  return { folder, runtimeFolder, disk: diskFile(folder), logs, network, jail };
}
