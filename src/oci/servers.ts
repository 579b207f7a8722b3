import { serveEach } from "../host/accept.ts";
import { GUEST_LINK } from "../network/guest_link.ts";
import { formatIpv4 } from "../network/ipv4.ts";
import { Attachment, NO_STREAMS } from "../protocol/attachment.ts";
import { CONTROL } from "../protocol/control.ts";
import { AGENT_TOOL, encodeExec } from "../protocol/messages.ts";
import { joinPort } from "../runner/port_forwarder.ts";
import { controlSocket, execOf } from "../runner_interface/spec.ts";
import { LatestText, ListReader, portOf, UDP } from "./server_lists.ts";

/** The maximum that the agent's tool accepts. */
const STAND_INS_MAX = 256;
/** The address to listen on in the namespace, by kind of the guest's server. An IPv6 server also accepts IPv4. */
const HOSTNAMES: Record<string, string> = { "4": "0.0.0.0", "6": "::", "l": "127.0.0.1" };

/**
 * Connects a guest's servers with the network namespace of this process, which other containers may share. Listens in
 * the namespace on the ports of the guest's servers, and tells the guest to listen on the ports of others' servers.
 */
export class SharedServers {
  readonly #runtimeFolder: string;
  readonly #serveDatagrams: (ports: ReadonlySet<number>) => void;
  readonly #listeners = new Map<string, Deno.TcpListener>();
  readonly #lists = new ListReader();
  readonly #standIns = new LatestText();
  #namespacePorts = new Set<number>();

  /** @param serveDatagrams called with the ports of the guest's UDP servers */
  constructor(runtimeFolder: string, serveDatagrams: (ports: ReadonlySet<number>) => void) {
    this.#runtimeFolder = runtimeFolder;
    this.#serveDatagrams = serveDatagrams;
  }

  /** Takes the next chunk of the lists of all ports with servers in the namespace. */
  takePorts(data: Uint8Array): void {
    for (const list of this.#lists.push(data)) this.#namespacePorts = new Set([...list].map(portOf));
    this.#tell();
  }

  /** Passes connections on until the guest ends. */
  async follow(): Promise<void> {
    const lists = new ListReader();
    const argv = [AGENT_TOOL, "listeners", formatIpv4(GUEST_LINK.gateway)];
    const payload = encodeExec(execOf({ argv, env: [], cwd: "/", user: "" }, { terminal: null, stdin: true }));
    const stdout = (data: Uint8Array) => {
      for (const list of lists.push(data)) {
        const isDatagrams = (server: string) => server.startsWith(UDP);
        this.#listen(new Set([...list].filter((server) => !isDatagrams(server))));
        this.#serveDatagrams(new Set([...list].filter(isDatagrams).map(portOf)));
      }
      this.#tell();
      return Promise.resolve();
    };
    const io = { ...NO_STREAMS, stdin: this.#standIns, stdout };
    await Attachment.over(await this.#connect(), io, { type: CONTROL.EXEC, payload }).finish();
  }

  #connect(): Promise<Deno.UnixConn> {
    return Deno.connect({ transport: "unix", path: controlSocket({ runtimeFolder: this.#runtimeFolder }) });
  }

  /** Opens and closes listeners so that exactly the wanted servers have one. */
  #listen(wanted: ReadonlySet<string>): void {
    for (const [server, listener] of this.#listeners) {
      if (wanted.has(server)) continue;
      listener.close();
      this.#listeners.delete(server);
      // Our own listener had the port. If another server takes it, the next list contains it; the guest's server may
      // also be restarting.
      this.#namespacePorts.delete(portOf(server));
    }
    for (const server of wanted) {
      if (this.#listeners.has(server)) continue;
      try {
        const port = portOf(server);
        const listener = Deno.listen({ hostname: HOSTNAMES[server[0]!]!, port });
        this.#listeners.set(server, listener);
        serveEach(listener, {
          what: `port ${port}`,
          serve: async (conn) => {
            using _ = conn;
            await joinPort(conn, await this.#connect(), port);
          },
        });
      } catch {
        // Another container of the pod has the port, or our listener of the other IP version accepts its connections:
        // try again with the next list.
      }
    }
  }

  /** Sends the guest the ports of servers outside it. */
  #tell(): void {
    const own = new Set([...this.#listeners.keys()].map(portOf));
    const others = [...this.#namespacePorts].filter((port) => !own.has(port)).sort((a, b) => a - b);
    this.#standIns.put(`${others.slice(0, STAND_INS_MAX).join(" ")}\n`);
  }
}
