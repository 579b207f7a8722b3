import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { messageOf } from "../errors.ts";
import { writeAll } from "../host/streams.ts";
import type { Certificate } from "./certificates.ts";
import type { HostSocket } from "./relay.ts";
import { type Replacement, RequestError, RequestHead } from "./request_head.ts";

/** Options of a {@linkcode TlsTerminator}. */
export interface TlsEndOptions {
  /** The certificate that the guest sees. */
  certificate: Certificate;
  replacements: readonly Replacement[];
  /**
   * Connects to the server and checks its certificate.
   *
   * @throws if that fails; the guest then gets the error message.
   */
  connect(): Promise<Deno.TlsConn>;
  /** Called with the reason when the gateway answers the guest itself instead of forwarding to the server. */
  onRefused(reason: string): void;
  /** Called once when the connection is closed. */
  onClosed(): void;
}

/**
 * Terminates a guest's TLS connection to a host that has a secret: decrypts the guest's data, replaces the
 * placeholders, and sends it to the server over a second TLS connection.
 */
export class TlsTerminator implements HostSocket {
  readonly #options: TlsEndOptions;
  /** The stream of TLS records. */
  readonly #wire: Duplex;
  readonly #tls: TLSSocket;
  readonly #head: RequestHead;
  #server: Promise<Deno.TlsConn | undefined> | undefined;
  /** Records for the guest; `taken` is called once they are read. */
  #records: { bytes: Uint8Array; taken: () => void } | undefined;
  #hasEnded = false;
  #isRefused = false;
  #isClosed = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  private constructor(options: TlsEndOptions, { node, tls }: Awaited<ReturnType<typeof loadNode>>) {
    this.#options = options;
    this.#head = new RequestHead(options.replacements);
    this.#wire = new node.Duplex({
      read: () => this.#wakeWriter?.(),
      write: (chunk: Uint8Array, _encoding, done) => {
        this.#records = { bytes: chunk, taken: done };
        this.#wakeReader?.();
      },
      final: (done) => {
        this.#end();
        done();
      },
    });
    this.#wire.on("error", () => this.close());
    const { certificate: { certificate: cert, key } } = options;
    const secureContext = tls.createSecureContext({ cert, key });
    this.#tls = new tls.TLSSocket(
      this.#wire as never,
      { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] } as never,
    );
    this.#tls.on("error", () => this.close());
    this.#tls.on("close", () => this.#end());
    this.#carry().catch(() => this.close());
  }

  static async create(options: TlsEndOptions): Promise<TlsTerminator> {
    return new TlsTerminator(options, await loadNode());
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#records === undefined) {
      if (this.#hasEnded) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    const { bytes, taken } = this.#records;
    const count = Math.min(bytes.length, into.length);
    into.set(bytes.subarray(0, count));
    if (count < bytes.length) this.#records = { bytes: bytes.subarray(count), taken };
    else {
      this.#records = undefined;
      taken();
    }
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#hasEnded) throw new Deno.errors.BrokenPipe();
    const wanted = new Promise<void>((resolve) => this.#wakeWriter = resolve);
    // The stream's buffer is full: wait until the stream reads it.
    if (!this.#wire.push(bytes.slice())) await wanted;
    return bytes.length;
  }

  closeWrite(): Promise<void> {
    this.#wire.push(null);
    return Promise.resolve();
  }

  close(): void {
    if (!this.#isClosed) this.#options.onClosed();
    this.#isClosed = true;
    this.#end();
    this.#tls.destroy();
    this.#wire.destroy();
    this.#server?.then((server) => server?.close()).catch(() => {});
  }

  #end(): void {
    this.#hasEnded = true;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  /** Forwards the guest's request to the server, and the response to the guest. */
  async #carry(): Promise<void> {
    let answering: Promise<void> | undefined;
    // Never leave the loop early: that would destroy the stream and the data that the guest has not received yet.
    for await (const chunk of this.#tls as AsyncIterable<Uint8Array>) {
      const request = this.#isRefused ? undefined : this.#rewrite(chunk);
      if (request === undefined || request.length === 0) continue;
      this.#server ??= this.#connect();
      const server = await this.#server;
      if (server === undefined) continue;
      answering ??= this.#answer(server);
      await writeAll(server, request);
    }
    // After its request, the guest may close its half. The end of the server's response closes the connection.
    if (answering) await answering;
    else if (!this.#isRefused) this.close();
  }

  #rewrite(chunk: Uint8Array): Uint8Array | undefined {
    try {
      return this.#head.take(chunk);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#refuse("400 Bad Request", error.message);
      return undefined;
    }
  }

  async #connect(): Promise<Deno.TlsConn | undefined> {
    try {
      return await this.#options.connect();
    } catch (error) {
      this.#refuse("502 Bad Gateway", messageOf(error));
      return undefined;
    }
  }

  async #answer(server: Deno.TlsConn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count = await server.read(buffer); count !== null; count = await server.read(buffer)) {
        await this.#send(buffer.slice(0, count));
      }
      this.#tls.end();
    } catch {
      this.close(); // One of the two connections failed: close both.
    }
  }

  #send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => this.#tls.write(bytes, (error) => error ? reject(error) : resolve()));
  }

  #refuse(status: string, reason: string): void {
    this.#isRefused = true;
    this.#options.onRefused(reason);
    const body = `smolvm: ${reason}\n`;
    const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nConnection: close\r\n`;
    this.#tls.end(`${head}Content-Length: ${new TextEncoder().encode(body).length}\r\n\r\n${body}`);
  }
}

/** Loads Node's modules on first use: it takes longer than starting Deno. A static import would delay every gateway. */
async function loadNode() {
  const [node, tls] = await Promise.all([import("node:stream"), import("node:tls")]);
  return { node, tls };
}
