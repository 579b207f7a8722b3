/**
 * Machines without a VM, on a host that has a `/dev/kvm` in which none can boot: a stub takes libkrun's place, see
 * `tests/bench/stub_krun.c`. All else is real: processes, jails, sockets, files.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { type Cli, makeCli, SMOLVM } from "./cli.ts";
import { assertCode, type Outcome, Process, runProcess } from "./process.ts";
import { buildStubKrun } from "./stub_krun.ts";

/** What a host must have; `undefined`: it has all of it. */
export const noStubReason = Deno.build.os !== "linux" || Deno.uid() !== 0
  ? "needs root on Linux"
  : exists("/dev/kvm")
  ? undefined
  : "needs a /dev/kvm";
if (noStubReason !== undefined) console.log(`ignored: tests whose VMs are stubs: ${noStubReason}`);

/** A `smolvm` whose VMs are stubs. */
export interface StubCli extends AsyncDisposable {
  cli: Cli;
  /** A folder to boot from. */
  rootfs: string;
  smolvm(...args: string[]): Promise<Outcome>;
  start(...args: string[]): Process;
  /** Runs another program in the place of `smolvm`. */
  program(program: string, ...args: string[]): Promise<Outcome>;
  startProgram(program: string, ...args: string[]): Process;
  /** Runs another program as root in the namespace of `smolvm`. */
  inNamespace(program: string, ...args: string[]): Promise<void>;
  /** Runs buildah on the storage of images, and returns what it prints. */
  buildah(...args: string[]): Promise<string>;
}

/** An ordinary user, with subordinate ids, whom only programs in the namespace of {@linkcode makeStubCli} know. */
const USER = 4242;

/** Hides the module at which smolvm refuses the host. */
const HIDE_MODULE = "mount -t tmpfs none /sys/module";

/** Makes that user known, who may use KVM; `$0` is a folder for what is needed. */
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
 * Makes a `smolvm` in a mount namespace of its own.
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
