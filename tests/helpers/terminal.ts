import { Process } from "./process.ts";
import { SMOLVM } from "./cli.ts";
import type { VmSuite } from "./vm_suite.ts";

/**
 * Runs a shell script on its own terminal; the input of the process is the keyboard. Prints the terminal's device
 * before the script, and `restored` after it if the terminal has its old settings again.
 */
export function onTerminal({ env, rootfs }: Pick<VmSuite, "env" | "rootfs">, script: string): Process {
  const command = `stty rows 31 cols 97; tty; before=$(stty -g); ${script}
    [ "$before" = "$(stty -g)" ] && echo restored`;
  return new Process("script", {
    args: ["--quiet", "--return", "--flush", "--command", command, "/dev/null"],
    env: { ...env, SMOLVM, ROOTFS: rootfs, SHELL: "/bin/sh", TERM: "xterm" },
  });
}
