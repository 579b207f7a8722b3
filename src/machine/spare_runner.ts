import { RunnerProcess } from "./runner_process.ts";

/** The command that puts root's runner into its namespace, whatever the machine turns out to be. */
const ROOT_PREFIX = Deno.build.os === "linux" ? ["unshare", "--mount", "--"] : [];

let spare: RunnerProcess | undefined;

/**
 * The command in front of a runner that needs no help to see its folders: a mount namespace of its own, inside a user
 * namespace for those who may not make one otherwise. Empty where there are no namespaces.
 */
export function namespacePrefix(): readonly string[] {
  if (Deno.build.os !== "linux" || Deno.uid() === 0) return ROOT_PREFIX;
  return ["unshare", "--user", "--map-root-user", "--mount", "--"];
}

/**
 * Starts a runner before anyone knows what for: its runtime boots while the command line is still being read. An
 * ordinary user's depends on what is to be run, so that there is none for them.
 */
export function startSpareRunner(): void {
  if (namespacePrefix() === ROOT_PREFIX) spare = new RunnerProcess(ROOT_PREFIX);
}

/** A runner behind that prefix: the spare one if it will do, else a new one. */
export function takeRunner(prefix: readonly string[]): RunnerProcess {
  if (spare === undefined || prefix !== ROOT_PREFIX) return new RunnerProcess(prefix);
  const runner = spare;
  spare = undefined;
  return runner;
}

/** Ends the spare runner, if nobody took it. */
export async function dismissSpareRunner(): Promise<void> {
  await spare?.kill();
  spare = undefined;
}
