/**
 * The framework of the tests in which a container engine runs VMs.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { until } from "./until.ts";
import { type VmSuite, vmSuite } from "./vm_suite.ts";

/** The OCI runtime. */
export const RUNTIME = decodeURIComponent(new URL("../../smolvm-oci", import.meta.url).pathname);

/** A suite whose tests are skipped, and the reason printed, on hosts where container engines cannot be tested. */
export interface EngineSuite extends VmSuite {
  /** Whether the tests run. */
  isEnabled: boolean;
}

/** Makes the suite of a test file that needs these programs. */
export function engineSuite(programs: readonly string[]): EngineSuite {
  const suite = vmSuite();
  const reason = reasonAgainst(programs);
  if (reason === undefined) {
    Deno.test.beforeAll(() => {
      Deno.mkdirSync("/etc/smolvm", { recursive: true });
      Deno.writeTextFileSync("/etc/smolvm/oci.conf", "memory-mib=256\nboot-timeout=240\n");
    });
    return { ...suite, isEnabled: true };
  }
  const test = (name: string, body: () => Promise<void>) => {
    console.log(`skipped: ${name}: ${reason}`);
    Deno.test.ignore(name, body);
  };
  return { ...suite, test, isEnabled: false };
}

/** Returns the response of a container's server, once the server listens; the engine only waits for its start. */
export async function fetchText(url: string): Promise<string> {
  let text: string | undefined;
  await until(async () => {
    text = await fetch(url).then((response) => response.text(), () => undefined);
    return text !== undefined;
  }, { everyMs: 100 });
  return text!;
}

/** Why the tests are skipped: they create networks and configure the runtime, so they need the emulated machine. */
function reasonAgainst(programs: readonly string[]): string | undefined {
  if (Deno.uid() !== 0) return "container engines need root";
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  return exists("/run/kvm-machine") ? undefined : "it creates a network, which is allowed only in the emulated machine";
}

function isInstalled(program: string): boolean {
  const folders = ["/usr/bin", "/usr/sbin", "/usr/lib/podman", "/usr/libexec/podman", "/usr/lib/cni"];
  return folders.some((folder) => exists(`${folder}/${program}`));
}
