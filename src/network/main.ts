import { messageOf } from "../errors.ts";
import { secretsFile } from "../host/secrets_file.ts";
import {
  addressesFile,
  gatewayConfigFile,
  gatewaySocket,
  type Membership,
  parseGatewayConfig,
  pingSocket,
} from "./config.ts";
import { encodeEvent, type NetworkEvent } from "./events.ts";
import { Gateway } from "./gateway.ts";
import { GUEST_LINK } from "./guest_link.ts";
import { formatIpv4 } from "./ipv4.ts";
import type { Peers } from "./peers.ts";
import { Pings } from "./pings.ts";
import { authorityFile, type GatewaySecret, parseSecretValues } from "./secret.ts";
import type { Secrets } from "./secrets.ts";
import { PublishedDatagrams } from "./published_datagrams.ts";
import { serveStatus, statusSocket } from "./status.ts";

/** Permissions that the gateway drops once it listens. In the compiled executable it has all permissions until then. */
const NOT_NEEDED = ["run", "ffi", "read", "write", "env", "import"] as const;

/** Runs the gateway of one machine. The only argument of the process is the machine's runtime folder. */
export async function gatewayMain(): Promise<never> {
  let gateway: Gateway | undefined;
  let reason: string | null = null;
  try {
    await serve(Deno.args.at(-1)!, { onStarted: (started) => gateway = started });
  } catch (error) {
    reason = messageOf(error);
  }
  tell({ time: new Date().toISOString(), event: "end", reason, counters: gateway?.counters ?? null });
  Deno.exit(0);
}

/**
 * Serves the guest of the machine with that runtime folder until the guest closes its link or standard input ends.
 * Drops the permissions `notNeeded` once it listens.
 */
export async function serve(
  runtimeFolder: string,
  { notNeeded = NOT_NEEDED, onStarted, onInput = () => {} }: {
    notNeeded?: readonly Deno.PermissionDescriptor["name"][];
    onStarted: (gateway: Gateway) => void;
    /** Receives the data from standard input, which is valid only during the call. */
    onInput?: (data: Uint8Array) => void;
  },
): Promise<void> {
  const config = parseGatewayConfig(Deno.readTextFileSync(gatewayConfigFile(runtimeFolder)));
  const socket = gatewaySocket(runtimeFolder);
  const secrets = config.secrets.length > 0 ? await takeSecrets(config.secrets, runtimeFolder) : undefined;
  const peers = config.memberships.length > 0 ? await join(config.memberships, runtimeFolder) : [];
  const published = PublishedDatagrams.listen(config.published);
  const pings = config.allow.length > 0 ? await Pings.connect(pingSocket(runtimeFolder)) : undefined;
  const status = Deno.listen({ transport: "unix", path: statusSocket(runtimeFolder) });
  const listener = Deno.listen({ transport: "unix", path: `${socket}.new` });
  // The runner takes the socket's existence as the sign that the gateway listens.
  Deno.renameSync(`${socket}.new`, socket);
  for (const name of notNeeded) Deno.permissions.revokeSync({ name });
  // Without rules and published UDP ports the gateway needs no network access: it is already connected to the other
  // gateways, and accepting needs no permission. In Deno, answering a datagram needs the permission to send any.
  if (config.allow.length === 0 && config.published.length === 0) Deno.permissions.revokeSync({ name: "net" });
  const runnersEnd = untilInputEnds(onInput);
  const stream = await Promise.race([listener.accept(), runnersEnd]);
  // Only one VM connects, and only once.
  listener.close();
  if (stream === undefined) return;
  const link = { ...GUEST_LINK, memberships: peers.map(({ address }) => address) };
  const gateway = new Gateway({ link, ...config, published, secrets, peers, pings, onDenied: tell }, stream);
  onStarted(gateway);
  serveStatus(status, () => gateway.counters);
  await Promise.race([gateway.run(), runnersEnd]);
  await gateway.deliver();
}

/** Reads and removes the file with the secrets' values, and writes the CA certificate that the guest must trust. */
async function takeSecrets(secrets: readonly GatewaySecret[], runtimeFolder: string): Promise<Secrets> {
  // Load this module only for machines with secrets.
  const { Secrets } = await import("./secrets.ts");
  const file = secretsFile(runtimeFolder);
  const values = parseSecretValues(Deno.readTextFileSync(file));
  Deno.removeSync(file);
  const taken = await Secrets.create(secrets, values);
  Deno.writeTextFileSync(authorityFile(runtimeFolder), taken.authority, { mode: 0o600 });
  return taken;
}

/** Joins the machine's networks, and writes the machine's addresses in them to a file. */
async function join(memberships: readonly Membership[], runtimeFolder: string): Promise<Peers[]> {
  // Load this module only for machines that are in a network.
  const { Peers } = await import("./peers.ts");
  const peers: Peers[] = [];
  for (const membership of memberships) peers.push(await Peers.join(membership));
  const addresses = peers.map(({ address }) => `${formatIpv4(address)}\n`).join("");
  Deno.writeTextFileSync(addressesFile(runtimeFolder), addresses, { mode: 0o600 });
  return peers;
}

/** The parent process keeps standard input open while it needs the gateway. */
async function untilInputEnds(onInput: (data: Uint8Array) => void): Promise<undefined> {
  const bytes = new Uint8Array(64);
  for (let count; (count = await Deno.stdin.read(bytes)) !== null;) onInput(bytes.subarray(0, count));
}

/** Standard output is the machine's network log. */
function tell(event: NetworkEvent): void {
  try {
    Deno.stdout.writeSync(encodeEvent(event));
  } catch {
    // The network must work even without its log.
  }
}
