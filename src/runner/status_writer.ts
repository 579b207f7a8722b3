import { type RunStatus, writeEphemeralStatus, writeStatus } from "../state/status.ts";

/** Writes a machine's status to disk, one change after the other. */
export class StatusWriter {
  readonly #folder: string;
  readonly #ephemeral: boolean;
  #status: RunStatus;
  #written: Promise<void> = Promise.resolve();

  constructor(machineFolder: string, initial: RunStatus, { ephemeral = false }: { ephemeral?: boolean } = {}) {
    this.#folder = machineFolder;
    this.#ephemeral = ephemeral;
    this.#status = initial;
  }

  /** The status with every change so far, written or not yet. */
  get current(): RunStatus {
    return this.#status;
  }

  /** Settles when the change is on disk or, for an ephemeral machine, visible to other processes. */
  set(change: Partial<RunStatus>): Promise<void> {
    const status = this.#status = { ...this.#status, ...change };
    // The status includes earlier changes that could not be written.
    const write = this.#ephemeral ? writeEphemeralStatus : writeStatus;
    this.#written = this.#written.catch(() => {}).then(() => write(this.#folder, status));
    return this.#written;
  }
}
