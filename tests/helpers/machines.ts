import type { MachineRecord } from "../../src/state/machine_record.ts";
import { setEnv } from "./env.ts";
import { makeTempFolder } from "./temp_folder.ts";

/** Runs a test with state and runtime folders of its own, in a folder that it is given. */
export async function withMachines(test: (folder: string) => Promise<void> | void): Promise<void> {
  using folder = makeTempFolder();
  const runtime = `${folder.path}/runtime`;
  using _ = setEnv({ HOME: folder.path, XDG_STATE_HOME: `${folder.path}/state`, XDG_RUNTIME_DIR: runtime });
  await test(folder.path);
}

/** The record of a machine from a folder. */
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
    dns: null,
    hostname: "web",
    command: { argv: ["/bin/sh"], env: [], cwd: "/", user: "", tty: false, stdin: false },
    stopSignal: 15,
    ...changes,
  };
}
