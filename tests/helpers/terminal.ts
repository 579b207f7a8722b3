import { Process } from "./process.ts";
import { SMOLVM } from "./cli.ts";
import type { VmSuite } from "./vm_suite.ts";

/**
 * Runs a script of the host's shell on a terminal of its own, whose keys are the input. It first prints the terminal's
 * device, and last `restored` when the terminal is as it was.
 */
export function onTerminal({ env, rootfs }: Pick<VmSuite, "env" | "rootfs">, script: string): Process {
  const command = `stty rows 31 cols 97; tty; before=$(stty -g); ${script}
    [ "$before" = "$(stty -g)" ] && echo restored`;
  return new Process("script", {
    args: ["--quiet", "--return", "--flush", "--command", command, "/dev/null"],
    env: { ...env, SMOLVM, ROOTFS: rootfs, SHELL: "/bin/sh", TERM: "xterm" },
  });
}
