/** Maximum number of datagrams that wait to be sent. Further datagrams are dropped. */
const MAX_UNSENT = 64;
const MAX_DATAGRAM_BYTES = 65_535;

/** A UDP endpoint, as the host sees it. */
export interface Endpoint {
  hostname: string;
  port: number;
}

/** A UDP socket of the host. Delivery is best effort. */
export class DatagramSocket implements Disposable {
  readonly #socket: Deno.DatagramConn;
  #unsent = 0;

  /** @throws what `Deno.listenDatagram` throws. */
  constructor(at: Endpoint) {
    this.#socket = Deno.listenDatagram({ transport: "udp", ...at });
  }

  /** Sends a copy of the data. Returns false if it drops the datagram. */
  send(data: Uint8Array, { hostname, port }: Endpoint): boolean {
    if (this.#unsent >= MAX_UNSENT) return false;
    this.#unsent++;
    this.#socket.send(data.slice(), { transport: "udp", hostname, port })
      .catch(() => {})
      .finally(() => this.#unsent--);
    return true;
  }

  /** Yields received datagrams. The next one overwrites the data. Ends when the socket is closed or fails. */
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
