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
import { tellNamespacePorts } from "./namespace_ports.ts";
import { writeResolvConf } from "./resolv_conf.ts";
import { SharedServers } from "./servers.ts";
import { type ContainerSpec, JAIL_PROGRAM, RUNTIME_FOLDER } from "./spec.ts";

const LISTENS = "listens";
const POLL_MS = 2;

/**
 * Starts the process that is the guest's network, in the network namespace of this process, whose addresses are the
 * container's; settles when it can be reached. It ends with this process.
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
  // Deno asks for its end whenever it is woken, which this process is about to lose the right to. Without its network the
  // guest goes on.
  process.status.catch(() => {});
  // Which that process may not read.
  if (listens) tellNamespacePorts(process.stdin);
  const deadline = performance.now() + helloTimeoutMs;
  while (!exists(gatewaySocket(RUNTIME_FOLDER))) {
    if (performance.now() > deadline) throw new SmolvmError("network", "The container's network did not start in time");
    await sleep(POLL_MS);
  }
}

/** Starts what sends pings, before the gateway, which sees by the socket whether there is one. */
function startPings(): void {
  try {
    new Deno.Command(JAIL_PROGRAM, { args: ["--pings", pingSocket(RUNTIME_FOLDER)] }).outputSync();
  } catch (error) {
    log("warn", `The guest cannot ping: ${messageOf(error)}`);
  }
}

/** The process that {@linkcode startNetwork} starts: the guest's gateway, and the way to its servers. */
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
