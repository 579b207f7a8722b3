import { messageOf, SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { Libc } from "../host/libc.ts";
import { runnerFilters } from "../jail/filter.ts";
import { beginRoot, enterRoot } from "../jail/root.ts";
import type { JailReport } from "../runner_interface/jail_report.ts";

/** Over which the root is built, in the mount namespace of this process: there is one on every host. */
const ROOT = "/tmp";

/** Gets into a jail as the process of a VM does, and says what came of it. There is no way back. */
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
