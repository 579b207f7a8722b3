import { messageOf, SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { Libc } from "../host/libc.ts";
import { runnerFilters } from "../jail/filter.ts";
import { beginRoot, enterRoot } from "../jail/root.ts";
import type { JailReport } from "../runner_interface/jail_report.ts";

/** The folder over which this process mounts the root, in its own mount namespace: every host has this folder. */
const ROOT = "/tmp";

/** Enters a jail as the VM's process does, and reports the result. This process cannot leave the jail. */
export function probeJail(): JailReport {
  const libc = new Libc();
  return {
    root: failureOf(() => {
      beginRoot(libc, ROOT);
      enterRoot(libc, ROOT, { writable: [], readable: [], devices: ["/dev/kvm"].filter(exists) });
      if (exists("/etc")) throw new SmolvmError("jail", "the host's files are still there");
    }),
    filters: failureOf(() => {
      const { boot, guest } = runnerFilters();
      libc.filterSystemCalls(boot);
      libc.filterSystemCalls(guest);
    }),
  };
}

function failureOf(step: () => void): string | null {
  try {
    step();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
