import { exists } from "../../src/host/files.ts";

/** How often something is sampled: to look through all that a VM has mapped takes a slow machine a while. */
const SAMPLE_MS = 500;

/** Samples something of a process until it is disposed of; the largest of its values. */
export class Peak implements Disposable {
  largest = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(sample: () => number) {
    const take = () => this.largest = Math.max(this.largest, sample());
    take();
    this.#timer = setInterval(take, SAMPLE_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The most memory that a process has had so far, in MiB; 0 when it has ended. */
export function peakMib(pid: number): number {
  if (!exists(`/proc/${pid}`)) return 0;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readIfThere(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

/**
 * The resident memory of a runner without that of its guest, in MiB. The guest's, which is given out as the guest
 * touches it, for its file cache too, is in the only large mapping that is of no file.
 */
export function runnerMib(pid: number): number {
  const GUEST_MIB = 128;
  // Addresses, permissions, offset, device, inode; of what follows only what is resident.
  const mappings = readIfThere(`/proc/${pid}/smaps`).matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+).*\n(?:[A-Z].*\n)*?Rss: +(\d+) kB/gm,
  );
  let kib = 0;
  for (const [, from, to, inode, rss] of mappings) {
    const sizeMib = (parseInt(to!, 16) - parseInt(from!, 16)) / 1024 ** 2;
    if (sizeMib < GUEST_MIB || inode !== "0") kib += Number(rss);
  }
  return kib / 1024;
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // The process has ended.
  }
}
