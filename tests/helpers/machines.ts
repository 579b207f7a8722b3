import type { ProcessIdentity } from "../../src/host/process_identity.ts";
import { vmFolder } from "../../src/state/machine_folders.ts";
import { writeProcess } from "../../src/state/machine_process.ts";
import type { MachineRecord } from "../../src/state/machine_record.ts";
import { createMachine } from "../../src/state/machines.ts";
import { CREATED, writeStatus } from "../../src/state/status.ts";
import { setEnv } from "./env.ts";
import { makeTempFolder, type TempFolder } from "./temp_folder.ts";

/** Runs a test with its own state and runtime folders; passes it the folder that contains them. */
export async function withMachines(test: (folder: string) => Promise<void> | void): Promise<void> {
  using folder = makeTempFolder();
  const runtime = `${folder.path}/runtime`;
  using _ = setEnv({ HOME: folder.path, XDG_STATE_HOME: `${folder.path}/state`, XDG_RUNTIME_DIR: runtime });
  await test(folder.path);
}

/** Makes the folder of a machine, with only an empty `vm` folder. */
export function makeMachineFolder(): TempFolder {
  const folder = makeTempFolder();
  Deno.mkdirSync(vmFolder(folder.path));
  return folder;
}

/** Makes a machine whose lock is held appear to run in `process`. */
export async function writeRunning(folder: string, process: ProcessIdentity): Promise<void> {
  writeProcess(folder, process);
  await writeStatus(folder, { ...CREATED, state: "running" });
}

/** The record of a machine that boots from a folder. */
export function makeRecord(changes: Partial<MachineRecord> = {}): MachineRecord {
  return {
    id: "0123456789ab",
    name: "web",
    created: "2026-11-23T12:00:00.000Z",
    source: { folder: "/srv/root" },
    cpus: 1,
    memoryMib: 512,
    diskBytes: 10 * 1024 ** 3,
    volumes: [],
    ports: [],
    net: false,
    allowNet: [],
    denyNet: [],
    netLimitBytes: null,
    netConnections: null,
    secrets: [],
    networks: [],
    networkAliases: [],
    dns: null,
    hostname: "web",
    command: { argv: ["/bin/sh"], env: [], cwd: "/", user: "", tty: false, stdin: false },
    insecureNoJail: false,
    init: false,
    stopSignal: 15,
    ...changes,
  };
}

/** Makes a machine without a disk that has never run. */
export async function addMachine(changes: Partial<MachineRecord> = {}): Promise<void> {
  await createMachine(makeRecord(changes), () => {});
}
