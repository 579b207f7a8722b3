/**
 * The framework of the tests that have a container engine run VMs.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { until } from "./until.ts";
import { type VmSuite, vmSuite } from "./vm_suite.ts";

/** The OCI runtime. */
export const RUNTIME = decodeURIComponent(new URL("../../smolvm-oci", import.meta.url).pathname);

/** A suite whose tests are skipped, with the reason, where an engine cannot be tried. */
export interface EngineSuite extends VmSuite {
  /** Whether its tests run. */
  isTried: boolean;
}

/** Makes the suite of a test file that needs those programs. */
export function engineSuite(programs: readonly string[]): EngineSuite {
  const suite = vmSuite();
  const reason = reasonAgainst(programs);
  if (reason === undefined) {
    Deno.test.beforeAll(() => {
      Deno.mkdirSync("/etc/smolvm", { recursive: true });
      Deno.writeTextFileSync("/etc/smolvm/oci.conf", "memory-mib=256\nboot-timeout=240\n");
    });
    return { ...suite, isTried: true };
  }
  const test = (name: string, body: () => Promise<void>) => {
    console.log(`skipped: ${name}: ${reason}`);
    Deno.test.ignore(name, body);
  };
  return { ...suite, test, isTried: false };
}

/** What a container's server answers, when it listens: an engine has started it, no more. */
export async function fetchText(url: string): Promise<string> {
  let text: string | undefined;
  await until(async () => {
    text = await fetch(url).then((response) => response.text(), () => undefined);
    return text !== undefined;
  }, { everyMs: 100 });
  return text!;
}

/** Only the emulated machine is ours to make networks of containers in, and to configure a runtime of. */
function reasonAgainst(programs: readonly string[]): string | undefined {
  if (Deno.uid() !== 0) return "engines are tried as root";
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  return exists("/run/kvm-machine") ? undefined : "it makes a network, which only the emulated machine is there for";
}

function isInstalled(program: string): boolean {
  const folders = ["/usr/bin", "/usr/sbin", "/usr/lib/podman", "/usr/libexec/podman", "/usr/lib/cni"];
  return folders.some((folder) => exists(`${folder}/${program}`));
}
