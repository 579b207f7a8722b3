import { messageOf, SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { dirname } from "../host/path.ts";
import { sleep } from "../host/sleep.ts";
import { log } from "../log.ts";
import { hostsToDeny } from "../network/machine_rules.ts";
import type { Gateway } from "../network/gateway.ts";
import { serve } from "../network/main.ts";
import { encodeGatewayConfig, gatewayConfigFile, gatewaySocket, pingSocket } from "../network/config.ts";
import { denoFlags, gatewayPermissions } from "../runner/entry.ts";
import { writeNamespacePorts } from "./namespace_ports.ts";
import { writeResolvConf } from "./resolv_conf.ts";
import { SharedServers } from "./servers.ts";
import { type ContainerSpec, JAIL_PROGRAM, RUNTIME_FOLDER } from "./spec.ts";

const LISTENS = "listens";
const POLL_MS = 2;

/**
 * Starts the process that runs the guest's network, in this process's network namespace, which has the container's
 * addresses. Settles when the process accepts connections. It ends with this process.
 */
export async function startNetwork({ allowNet, mounts, listens, helloTimeoutMs }: ContainerSpec): Promise<void> {
  const nameservers = writeResolvConf(mounts);
  const limits = { bytesPerSecond: null, connections: null };
  const config = encodeGatewayConfig({
    allow: allowNet,
    deny: [],
    nameservers,
    secrets: [],
    limits,
    published: [],
    memberships: [],
  });
  Deno.writeTextFileSync(gatewayConfigFile(RUNTIME_FOLDER), config);
  startPings();
  const main = decodeURIComponent(new URL(Deno.mainModule).pathname);
  const permissions = gatewayPermissions({
    read: [RUNTIME_FOLDER, dirname(main)],
    write: [RUNTIME_FOLDER],
    deniedHosts: hostsToDeny({ allowNet }, { nameservers }),
  });
  const program = Deno.build.standalone ? [] : ["run", "--allow-env", ...permissions, ...denoFlags(main), main];
  const args = [...program, "oci", "network", ...listens ? [LISTENS] : []];
  const command = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "null", stderr: "null" });
  const process = command.spawn();
  process.unref();
  // Deno polls the child's status each time it wakes up, and the seccomp filter will soon forbid that. The guest goes
  // on even if its network ends.
  process.status.catch(() => {});
  // The network process has no permission to read the ports itself.
  if (listens) writeNamespacePorts(process.stdin);
  const deadline = performance.now() + helloTimeoutMs;
  while (!exists(gatewaySocket(RUNTIME_FOLDER))) {
    if (performance.now() > deadline) throw new SmolvmError("network", "The container's network did not start in time");
    await sleep(POLL_MS);
  }
}

/** Starts the ping helper. Must run before the gateway, which checks for the helper's socket. */
function startPings(): void {
  try {
    new Deno.Command(JAIL_PROGRAM, { args: ["--pings", pingSocket(RUNTIME_FOLDER)] }).outputSync();
  } catch (error) {
    log("warn", `The guest cannot ping: ${messageOf(error)}`);
  }
}

/** The process that {@linkcode startNetwork} starts: the guest's gateway, and the listeners for its servers. */
export async function networkMain(words: readonly string[]): Promise<number> {
  let gateway: Gateway | undefined;
  const servers = new SharedServers(RUNTIME_FOLDER, (ports) => gateway?.serveDatagrams(ports));
  const served = serve(RUNTIME_FOLDER, {
    notNeeded: ["run", "ffi", "import"],
    onStarted: (started) => gateway = started,
    onInput: (data) => servers.takePorts(data),
  });
  if (words[0] === LISTENS) servers.follow();
  await served;
  return 0;
}
