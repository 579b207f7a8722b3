/** Datagrams that the host has not taken yet; further ones are dropped. */
const MAX_UNSENT = 64;
const MAX_DATAGRAM_BYTES = 65_535;

/** Where a datagram is sent to on the host. */
export interface Endpoint {
  hostname: string;
  port: number;
}

/** A UDP socket of the host that carries what it can, as any network does. */
export class DatagramSocket implements Disposable {
  readonly #socket: Deno.DatagramConn;
  #unsent = 0;

  /** @throws what `Deno.listenDatagram` throws. */
  constructor(at: Endpoint) {
    this.#socket = Deno.listenDatagram({ transport: "udp", ...at });
  }

  /** Sends a copy of the data; false when it is dropped. */
  send(data: Uint8Array, { hostname, port }: Endpoint): boolean {
    if (this.#unsent >= MAX_UNSENT) return false;
    this.#unsent++;
    this.#socket.send(data.slice(), { transport: "udp", hostname, port })
      .catch(() => {})
      .finally(() => this.#unsent--);
    return true;
  }

  /** What comes, in a buffer that the next one overwrites. Ends when it is closed, or the host's network is gone. */
  async *received(): AsyncGenerator<[data: Uint8Array, from: Deno.NetAddr]> {
    const buffer = new Uint8Array(MAX_DATAGRAM_BYTES);
    while (true) {
      try {
        const [data, from] = await this.#socket.receive(buffer);
        yield [data, from as Deno.NetAddr];
      } catch {
        return;
      }
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#socket.close();
    } catch {
      // It is closed already.
    }
  }
}
