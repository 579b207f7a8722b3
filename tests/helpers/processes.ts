/**
 * The processes of this host for which `isWanted` is true; one that it cannot look at, mostly since it has just ended, is
 * not wanted.
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
