import { exists } from "../host/files.ts";
import { commandLogFile, consoleLog, diskFile, networkLog, runnerLog } from "../state/machine_folders.ts";
import { type JailFacts, jailFacts } from "../jail/facts.ts";
import { type FoundMachine, isReadable } from "../state/lookup.ts";
import { type NetworkDetails, networkDetails } from "./network.ts";

/** Where the files of a machine are, and what holds its VM's process. */
export interface MachineDetails {
  folder: string;
  /** Holds its sockets. */
  runtimeFolder: string;
  /** The guest's disk. */
  disk: string;
  logs: {
    /** What its command writes; null: it is not stored, but goes to the process that runs it. */
    command: string | null;
    /** Messages of its VM's process. */
    runner: string;
    /** Messages of its kernel. */
    console: string;
    /** What its gateway tells of its network; null: it has none. */
    network: string | null;
  };
  /** Its network in the present or last run; null: it has none. */
  network: NetworkDetails | null;
  /** What holds its VM's process, as this host's kernel tells it; null: it does not run, or the host is no Linux. */
  jail: JailFacts | null;
}

/** The details of a machine, with the files that are there only while it runs. */
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
