/** A connection for frames: a socket, or a pair in this process. */
export type Connection = Pick<Deno.Conn, "read" | "write" | "close" | "ref" | "unref">;

/** A connection within this process: data written to one end is read from the other. */
export function connectionPair(): [Connection, Connection] {
  const [there, back] = [new Channel(), new Channel()];
  return [connectionOf(there, back), connectionOf(back, there)];
}

function connectionOf(incoming: Channel, outgoing: Channel): Connection {
  return {
    read: (chunk) => incoming.read(chunk),
    write: (data) => outgoing.write(data),
    close: () => {
      incoming.close();
      outgoing.close();
    },
    // It never keeps the event loop alive.
    ref: () => {},
    unref: () => {},
  };
}

/** One direction. A writer waits until all its data was read, so that nothing is buffered. */
class Channel {
  #data: Uint8Array = new Uint8Array();
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  async read(chunk: Uint8Array): Promise<number | null> {
    while (this.#data.length === 0 && !this.#isClosed) await this.#changed.promise;
    if (this.#data.length === 0) return null;
    const part = this.#data.subarray(0, chunk.length);
    chunk.set(part);
    this.#data = this.#data.subarray(part.length);
    this.#notify();
    return part.length;
  }

  async write(data: Uint8Array): Promise<number> {
    if (this.#isClosed) throw new Deno.errors.BrokenPipe("The connection is closed");
    this.#data = data;
    this.#notify();
    while (this.#data.length > 0 && !this.#isClosed) await this.#changed.promise;
    return data.length;
  }

  close(): void {
    this.#isClosed = true;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
