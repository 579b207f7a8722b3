import { serveEach } from "../host/accept.ts";
import { GUEST_LINK } from "../network/guest_link.ts";
import { formatIpv4 } from "../network/ipv4.ts";
import { Attachment, NO_STREAMS } from "../protocol/attachment.ts";
import { CONTROL } from "../protocol/control.ts";
import { AGENT_TOOL, encodeExec } from "../protocol/messages.ts";
import { joinPort } from "../runner/port_forwarder.ts";
import { controlSocket, execOf } from "../runner_interface/spec.ts";
import { Latest, ListReader, portOf, UDP } from "./server_lists.ts";

/** As many as the agent's tool takes. */
const STAND_INS_MAX = 256;
/** Where the namespace is listened at for a server of the guest. One of IPv6 takes connections of IPv4, too. */
const HOSTNAMES: Record<string, string> = { "4": "0.0.0.0", "6": "::", "l": "127.0.0.1" };

/**
 * The servers of a guest in the network namespace of this process, which may be that of other containers too: listens
 * wherever servers in the guest do, and has the guest listen wherever others in the namespace do.
 */
export class SharedServers {
  readonly #runtimeFolder: string;
  readonly #serveDatagrams: (ports: ReadonlySet<number>) => void;
  readonly #listeners = new Map<string, Deno.TcpListener>();
  readonly #lists = new ListReader();
  readonly #standIns = new Latest();
  #namespacePorts = new Set<number>();

  /** @param serveDatagrams hears at which ports the guest has servers of UDP */
  constructor(runtimeFolder: string, serveDatagrams: (ports: ReadonlySet<number>) => void) {
    this.#runtimeFolder = runtimeFolder;
    this.#serveDatagrams = serveDatagrams;
  }

  /** Takes a piece of the lists of all ports that have servers in the namespace. */
  takePorts(data: Uint8Array): void {
    for (const list of this.#lists.push(data)) this.#namespacePorts = new Set([...list].map(portOf));
    this.#tell();
  }

  /** Passes connections on for as long as the guest runs. */
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

  /** Brings the listeners to what is wanted. */
  #listen(wanted: ReadonlySet<string>): void {
    for (const [server, listener] of this.#listeners) {
      if (wanted.has(server)) continue;
      listener.close();
      this.#listeners.delete(server);
      // Until another list says so, nobody else has it: the guest's server may be on its way back.
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
        // Another container of the pod has the port, or the other version's listener takes its connections: tried again
        // with the next list.
      }
    }
  }

  /** Tells the guest of the ports that others have. */
  #tell(): void {
    const own = new Set([...this.#listeners.keys()].map(portOf));
    const others = [...this.#namespacePorts].filter((port) => !own.has(port)).sort((a, b) => a - b);
    this.#standIns.put(`${others.slice(0, STAND_INS_MAX).join(" ")}\n`);
  }
}
