import { SmolvmError } from "../errors.ts";
import { Authority } from "./certificates.ts";
import type { HostSocket } from "./relay.ts";
import type { Replacement } from "./request_head.ts";
import { coversName, type Rule } from "./rules.ts";
import { type GatewaySecret, parseSecretHost, type SecretValues } from "./secret.ts";
import { TlsTerminator } from "./tls_terminator.ts";

/** How to connect to the server that a guest requested. */
export interface SecretRoute {
  /** The server's name, as the guest gave it. */
  name: string;
  connect(): Promise<Deno.TcpConn>;
  /** Called with the reason when the gateway answers the guest itself instead of forwarding to the server. */
  onRefused(reason: string): void;
}

/** A secret with its value. */
interface HeldSecret extends GatewaySecret {
  rules: Rule[];
  value: string;
}

/** Maximum number of TLS connections: they take much more memory than relayed connections. */
const MAX_ENDS = 256;

/** The secrets of a machine, as its gateway holds them. */
export class Secrets {
  readonly #secrets: readonly HeldSecret[];
  readonly #caCerts: string[];
  readonly #authority: Authority;
  #ends = 0;

  private constructor(secrets: readonly HeldSecret[], caCerts: string[], authority: Authority) {
    this.#secrets = secrets;
    this.#caCerts = caCerts;
    this.#authority = authority;
  }

  /** @throws {SmolvmError} `internal` when a value is missing; `usage` for a malformed host. */
  static async create(secrets: readonly GatewaySecret[], { values, caCerts }: SecretValues): Promise<Secrets> {
    const held = secrets.map((secret) => {
      const value = values[secret.name];
      if (value === undefined) throw new SmolvmError("internal", `The value of the secret "${secret.name}" is missing`);
      return { ...secret, rules: secret.hosts.map(parseSecretHost), value };
    });
    const names = held.flatMap(({ rules }) => rules.map(({ target }) => target.kind === "name" ? target.name : ""));
    return new Secrets(held, caCerts, await Authority.create([...new Set(names)]));
  }

  /** The CA certificate that the guest must trust, as PEM. */
  get authority(): string {
    return this.#authority.certificate;
  }

  /** Whether any secret is for a server with one of these names. */
  hasAnyFor(names: readonly string[]): boolean {
    return names.some((name) => this.#for(name).length > 0);
  }

  /**
   * Terminates a guest's TLS connection to such a server.
   *
   * @throws when there are too many connections.
   */
  async terminateTls({ name, connect, onRefused }: SecretRoute): Promise<HostSocket> {
    if (this.#ends >= MAX_ENDS) {
      onRefused(`${MAX_ENDS} connections with secrets are open`);
      throw new Error("too many connections");
    }
    this.#ends++;
    return await TlsTerminator.create({
      certificate: await this.#authority.issue(name),
      replacements: this.#for(name),
      onRefused,
      onClosed: () => this.#ends--,
      connect: async () => {
        const conn = await connect();
        const options = { hostname: name, caCerts: this.#caCerts, alpnProtocols: ["http/1.1"] };
        const server = await Deno.startTls(conn, options);
        // The handshake checks the server's certificate: nothing may be sent before it.
        await server.handshake();
        return server;
      },
    });
  }

  #for(name: string): Replacement[] {
    return this.#secrets.filter(({ rules }) => rules.some((rule) => coversName(rule, name)));
  }
}
