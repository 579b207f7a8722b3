import { Process } from "./process.ts";
import { SMOLVM } from "./cli.ts";
import type { VmSuite } from "./vm_suite.ts";

/**
 * Runs a shell script on its own terminal, whose keyboard is the program's input. It first prints the terminal's
 * device, and at the end `restored` if the terminal's settings are restored.
 */
export function onTerminal({ env, rootfs }: Pick<VmSuite, "env" | "rootfs">, script: string): Process {
  const command = `stty rows 31 cols 97; tty; before=$(stty -g); ${script}
    [ "$before" = "$(stty -g)" ] && echo restored`;
  return new Process("script", {
    args: ["--quiet", "--return", "--flush", "--command", command, "/dev/null"],
    env: { ...env, SMOLVM, ROOTFS: rootfs, SHELL: "/bin/sh", TERM: "xterm" },
  });
}
