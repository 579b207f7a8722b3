import { type RunStatus, writeEphemeralStatus, writeStatus } from "../state/status.ts";

/** Keeps a machine's status on disk, one change after the other. */
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

  /** Settles when the change is on disk; that of an ephemeral machine, when others see it. */
  set(change: Partial<RunStatus>): Promise<void> {
    const status = this.#status = { ...this.#status, ...change };
    // An earlier change that could not be written is part of this one.
    const write = this.#ephemeral ? writeEphemeralStatus : writeStatus;
    this.#written = this.#written.catch(() => {}).then(() => write(this.#folder, status));
    return this.#written;
  }
}
