/**
 * Machines without a VM, for hosts that have a `/dev/kvm` but cannot boot VMs: a stub replaces libkrun, see
 * `tests/bench/stub_krun.c`. Everything else is real: processes, jails, sockets, files.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { type Cli, makeCli, SMOLVM } from "./cli.ts";
import { assertCode, type Outcome, Process, runProcess } from "./process.ts";
import { buildStubKrun } from "./stub_krun.ts";

/** Why this host cannot run stubs of VMs; `undefined` if it can. */
export const noStubReason = Deno.build.os !== "linux" || Deno.uid() !== 0
  ? "needs root on Linux"
  : exists("/dev/kvm")
  ? undefined
  : "needs a /dev/kvm";
if (noStubReason !== undefined) console.log(`ignored: tests with stubs of VMs: ${noStubReason}`);

/** A `smolvm` whose VMs are stubs. */
export interface StubCli extends AsyncDisposable {
  cli: Cli;
  /** A folder to boot from. */
  rootfs: string;
  smolvm(...args: string[]): Promise<Outcome>;
  start(...args: string[]): Process;
  /** Runs another program instead of `smolvm`. */
  program(program: string, ...args: string[]): Promise<Outcome>;
  startProgram(program: string, ...args: string[]): Process;
  /** Runs another program as root in the namespace of `smolvm`. */
  inNamespace(program: string, ...args: string[]): Promise<void>;
  /** Runs buildah on the storage of images, and returns its trimmed stdout. */
  buildah(...args: string[]): Promise<string>;
}

/** An ordinary user with subordinate ids, who exists only in the mount namespace of {@linkcode makeStubCli}. */
const USER = 4242;

/** Hides the kernel module because of which smolvm refuses the host. */
const HIDE_MODULE = "mount -t tmpfs none /sys/module";

/** Adds the user and gives it access to KVM; `$0` is a folder for the files and mounts that this needs. */
const MAKE_USER = `
user=stub-user:x:${USER}
cp /etc/passwd /etc/group "$0"
echo $user:${USER}::/nonexistent:/bin/sh >>"$0/passwd"
echo $user: >>"$0/group"
for file in subuid subgid; do echo stub-user:500000:65536 >"$0/$file"; done
for file in passwd group subuid subgid; do mount --bind "$0/$file" /etc/$file; done
mkdir "$0/dev"
mount -t tmpfs none "$0/dev"
cp -a /dev/kvm "$0/dev/kvm"
chmod 666 "$0/dev/kvm"
mount --bind "$0/dev/kvm" /dev/kvm`;

/**
 * Makes a `smolvm` that runs in its own mount namespace.
 *
 * @param options whether an ordinary user runs it
 */
export async function makeStubCli({ isOrdinary = false } = {}): Promise<StubCli> {
  const cli = makeCli();
  const [stub, rootfs, system] = [`${cli.folder}/stub.so`, `${cli.folder}/rootfs`, `${cli.folder}/system`];
  await buildStubKrun("tests/bench/stub_krun.c", stub);
  for (const folder of [rootfs, system, cli.runtime]) Deno.mkdirSync(folder, { mode: 0o700 });
  if (isOrdinary) { for (const path of [cli.folder, rootfs, cli.runtime]) Deno.chownSync(path, USER, USER); }
  const prepare = ["set -e", HIDE_MODULE, ...isOrdinary ? [MAKE_USER] : [], "echo ready", "exec sleep 100000"];
  const holder = new Process("unshare", { args: ["--mount", "sh", "-c", prepare.join("\n"), system] });
  await holder.untilStdout(/ready/);
  const user = isOrdinary ? ["--setuid", `${USER}`, "--setgid", `${USER}`] : [];
  const options = (args: string[], command = SMOLVM) => ({
    args: ["--target", `${holder.pid}`, "--mount", ...user, command, ...args],
    cwd: cli.folder,
    env: {
      ...cli.env,
      SMOLVM_LIBKRUN: stub,
      SMOLVM_LIBKRUNFW: stub,
      NO_COLOR: "1",
    },
  });
  return {
    cli,
    rootfs,
    smolvm: (...args) => runProcess("nsenter", options(args)),
    start: (...args) => new Process("nsenter", options(args)),
    program: (program, ...args) => runProcess("nsenter", options(args, program)),
    startProgram: (program, ...args) => new Process("nsenter", options(args, program)),
    async inNamespace(...command) {
      assertCode(await runProcess("nsenter", { args: ["--target", `${holder.pid}`, "--mount", ...command] }), 0);
    },
    async buildah(...args) {
      const folders = ["--root", `${cli.storage}/root`, "--runroot", `${cli.storage}/runroot`];
      const outcome = await runProcess("nsenter", options([...folders, ...args], "buildah"));
      assertCode(outcome, 0);
      return outcome.stdout.trim();
    },
    async [Symbol.asyncDispose]() {
      await holder[Symbol.asyncDispose]();
      cli[Symbol.dispose]();
    },
  };
}
