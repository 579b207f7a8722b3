import { exists } from "../host/files.ts";
import { commandLogFile, consoleLog, diskFile, runnerLog } from "../state/machine_folders.ts";
import type { FoundMachine } from "../state/lookup.ts";

/** Where the files of a machine are. */
export interface MachineFiles {
  folder: string;
  /** Holds its sockets. */
  runtimeFolder: string;
  /** The guest's disk. */
  disk: string;
  logs: {
    /** What its command writes; null: that is nowhere but with whoever runs it. */
    command: string | null;
    /** Messages of its VM's process. */
    runner: string;
    /** Messages of its kernel. */
    console: string;
  };
}

/** The files of a machine, those that are there only while it runs included. */
export function machineFiles(machine: FoundMachine): MachineFiles {
  const { folder, runtimeFolder } = machine;
  const log = commandLogFile(folder);
  const command = "ephemeral" in machine && machine.ephemeral && !exists(log) ? null : log;
  const logs = { command, runner: runnerLog(folder), console: consoleLog(folder) };
  return { folder, runtimeFolder, disk: diskFile(folder), logs };
}
