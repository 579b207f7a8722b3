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

/** What the gateway has no use for once it listens. In an executable it was allowed everything until then. */
const NOT_NEEDED = ["run", "ffi", "read", "write", "env", "import"] as const;

/** The whole life of a gateway: one machine's network. Its only argument is the runtime folder of that machine. */
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
 * Serves the guest of the machine with that runtime folder, without the permissions `notNeeded`, until its end, or that
 * of the input of this process.
 */
export async function serve(
  runtimeFolder: string,
  { notNeeded = NOT_NEEDED, onStarted, onInput = () => {} }: {
    notNeeded?: readonly Deno.PermissionDescriptor["name"][];
    onStarted: (gateway: Gateway) => void;
    /** Takes what is read of the input: only until it returns. */
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
  // The runner takes its being there for a sign that somebody listens.
  Deno.renameSync(`${socket}.new`, socket);
  for (const name of notNeeded) Deno.permissions.revokeSync({ name });
  // Nothing of the host's is reached: all connections to other gateways are there, and what comes is accepted. Deno lets
  // nobody answer a datagram with less than the right to send any.
  if (config.allow.length === 0 && config.published.length === 0) Deno.permissions.revokeSync({ name: "net" });
  const runnersEnd = untilInputEnds(onInput);
  const stream = await Promise.race([listener.accept(), runnersEnd]);
  // One VM, once.
  listener.close();
  if (stream === undefined) return;
  const link = { ...GUEST_LINK, memberships: peers.map(({ address }) => address) };
  const gateway = new Gateway({ link, ...config, published, secrets, peers, pings, onDenied: tell }, stream);
  onStarted(gateway);
  serveStatus(status, () => gateway.counters);
  await Promise.race([gateway.run(), runnersEnd]);
  await gateway.deliver();
}

/** Takes the values from where a client put them, and says what the guest is to trust. */
async function takeSecrets(secrets: readonly GatewaySecret[], runtimeFolder: string): Promise<Secrets> {
  // Loaded by machines with secrets alone.
  const { Secrets } = await import("./secrets.ts");
  const file = secretsFile(runtimeFolder);
  const values = parseSecretValues(Deno.readTextFileSync(file));
  Deno.removeSync(file);
  const taken = await Secrets.create(secrets, values);
  Deno.writeTextFileSync(authorityFile(runtimeFolder), taken.authority, { mode: 0o600 });
  return taken;
}

/** Joins the networks of the machine, and says which addresses that is to have. */
async function join(memberships: readonly Membership[], runtimeFolder: string): Promise<Peers[]> {
  // Loaded by machines that are in a network alone.
  const { Peers } = await import("./peers.ts");
  const peers: Peers[] = [];
  for (const membership of memberships) peers.push(await Peers.join(membership));
  const addresses = peers.map(({ address }) => `${formatIpv4(address)}\n`).join("");
  Deno.writeTextFileSync(addressesFile(runtimeFolder), addresses, { mode: 0o600 });
  return peers;
}

/** The process that started this one holds the other end of its input for as long as it is needed. */
async function untilInputEnds(onInput: (data: Uint8Array) => void): Promise<undefined> {
  const bytes = new Uint8Array(64);
  for (let count; (count = await Deno.stdin.read(bytes)) !== null;) onInput(bytes.subarray(0, count));
}

/** Standard output is the machine's network log. */
function tell(event: NetworkEvent): void {
  try {
    Deno.stdout.writeSync(encodeEvent(event));
  } catch {
    // Without its log the network goes on.
  }
}
