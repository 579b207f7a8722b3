/**
 * The ids of the host's processes for which `isWanted` returns true. Skips processes for which it throws, mostly since
 * they have just exited.
 */
export function findProcesses(isWanted: (pid: number) => boolean): number[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 0);
  return pids.filter((pid) => {
    try {
      return isWanted(pid);
    } catch {
      return false;
    }
  });
}
