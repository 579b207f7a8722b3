import { type MachineStatus, writeStatus } from "../state/status.ts";

/** Keeps a machine's status on disk, one change after the other. */
export class StatusWriter {
  readonly #folder: string;
  #status: MachineStatus;
  #written: Promise<void> = Promise.resolve();

  constructor(machineFolder: string, initial: MachineStatus) {
    this.#folder = machineFolder;
    this.#status = initial;
  }

  /** The status with every change so far, written or not yet. */
  get current(): MachineStatus {
    return this.#status;
  }

  /** Settles when the change is on disk. */
  set(change: Partial<MachineStatus>): Promise<void> {
    const status = this.#status = { ...this.#status, ...change };
    // An earlier change that could not be written is part of this one.
    this.#written = this.#written.catch(() => {}).then(() => writeStatus(this.#folder, status));
    return this.#written;
  }
}
