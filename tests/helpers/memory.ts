/** The resident memory of a process on this host, in bytes. */
export function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return Number(kib) * 1024;
}

/**
 * The resident memory of a runner without the guest's memory, in MiB. The guest's memory is the only large anonymous
 * mapping; its resident part grows as the guest touches it, also for the guest's file cache.
 */
export function runnerMib(pid: number): number {
  const GUEST_MIB = 128;
  // Addresses, permissions, offset, device, inode; then only the resident size.
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
