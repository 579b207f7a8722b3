/** `run` with failing hosts and guests: a clear error, exit code 125, and nothing left behind. */
import assert from "node:assert/strict";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs, env } = suite;

/** Runs smolvm in a mount namespace changed by the shell script `preparation`. An ordinary user is mapped to root. */
function onBrokenHost(preparation: string, args: string[], extraEnv: Record<string, string> = {}): Promise<Outcome> {
  const namespace = Deno.uid() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
  return runProcess("unshare", {
    args: [...namespace, "sh", "-ec", `${preparation}\nexec "$@"`, "sh", SMOLVM, ...args],
    env: { ...env, ...extraEnv },
  });
}

function assertFailed(outcome: Outcome, stderr: RegExp): void {
  assertCode(outcome, 125);
  assert.match(outcome.stderr, stderr);
  assert.equal(outcome.stdout, "");
}

for (const [library, variable] of [["libkrun", "SMOLVM_LIBKRUN"], ["libkrunfw", "SMOLVM_LIBKRUNFW"]] as const) {
  test(`run without ${library} prints where it looked`, async () => {
    const outcome = await smolvm(["run", rootfs, "true"], { env: { [variable]: "/nonexistent" } });
    assertFailed(outcome, new RegExp(`^smolvm: Cannot find ${library}: ${variable} names "/nonexistent"\n.+\n$`));
  });
}

test("run with an empty lib folder prints what is missing and how to get it", async () => {
  const lib = await suite.makeFolder("lib");
  const outcome = await smolvm(["run", rootfs, "true"], { env: { SMOLVM_LIB: lib } });
  assertFailed(outcome, new RegExp(`^smolvm: Cannot .*${lib}/.*\n.*scripts/setup.*\n$`));
});

test("run of an image without buildah reports that", async () => {
  const bin = await suite.makeFolder("bin");
  await Deno.symlink("/usr/bin/sh", `${bin}/sh`);
  const outcome = await smolvm(["run", "localhost/no-such-image"], { env: { PATH: bin } });
  assertFailed(outcome, /^smolvm: Cannot find buildah, which images need\n.*[Ii]nstall.*\n$/);
});

test("run without /dev/kvm prints how to get it", async () => {
  const devices = ["null", "zero", "random", "urandom", "tty"];
  const bind = devices.map((name) => `touch $dev/${name}; mount --bind /dev/${name} $dev/${name}`).join("\n");
  const preparation = `dev=$(mktemp -d); mount -t tmpfs tmpfs $dev; ${bind}
    mkdir $dev/shm; mount --rbind /dev/shm $dev/shm; mount --rbind $dev /dev`;
  const outcome = await onBrokenHost(preparation, ["run", rootfs, "true"]);
  assertFailed(outcome, /^smolvm: Cannot use KVM: \/dev\/kvm does not exist\n.+\n$/);
});

test("run without permission for /dev/kvm prints how to get it", async () => {
  const file = `${suite.folder}/forbidden`;
  await Deno.writeTextFile(file, "", { mode: 0o000 });
  // Without capabilities, not even root may open it.
  const outcome = await onBrokenHost(
    `mount --bind ${file} /dev/kvm; set -- setpriv --bounding-set=-all "$@"`,
    ["run", rootfs, "true"],
  );
  assertFailed(outcome, /^smolvm: Cannot use KVM: no permission for \/dev\/kvm\n.*setfacl -m u:\$USER:rw .*\n$/);
});

test("run with a /dev/kvm that is another device reports libkrun's error", async () => {
  const outcome = await onBrokenHost("mount --bind /dev/null /dev/kvm", ["run", rootfs, "true"]);
  assertFailed(outcome, /^smolvm: .*(krun|VM)/);
});

test("run on a full disk prints what it could not write", async () => {
  const full = await suite.makeFolder("full");
  const preparation =
    `mount -t tmpfs -o size=64k tmpfs ${full}; dd if=/dev/zero of=${full}/ballast bs=4k 2>/dev/null || true`;
  const outcome = await onBrokenHost(preparation, ["run", rootfs, "true"], { XDG_STATE_HOME: `${full}` });
  assertFailed(outcome, /^smolvm: Cannot .*"\/.*": .*No space left/);
});

/** Makes a `lib` folder whose guest agent is compiled from `source`. */
async function libWithAgent(name: string, source: string): Promise<string> {
  const folder = await suite.makeFolder(name);
  const lib = new URL("../../lib", import.meta.url).pathname;
  const agent = `smolvm-agent-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
  for (const file of Deno.readDirSync(lib)) {
    if (file.name !== agent) await Deno.symlink(`${lib}/${file.name}`, `${folder}/${file.name}`);
  }
  await Deno.writeTextFile(`${folder}/agent.c`, source);
  const compiled = await runProcess("gcc", { args: ["-static", "-o", `${folder}/${agent}`, `${folder}/agent.c`] });
  assertCode(compiled, 0);
  return folder;
}

test("run gives up a guest that never says hello, and prints the end of its console", async () => {
  const lib = await libWithAgent(
    "mute",
    `#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts("mute, not dead"); fflush(stdout); for (;;) pause(); }`,
  );
  // The timeout is longer than a boot, so that the console has output.
  const outcome = await smolvm(["run", rootfs, "true"], { env: { SMOLVM_LIB: lib, SMOLVM_BOOT_TIMEOUT: "15" } });
  assertFailed(
    outcome,
    /^smolvm: The guest did not say hello within 15 s; its console ends with:\n(.*\n)* {2}mute, not dead\n/,
  );
});

test("run reports at once that a guest died while it booted, with the end of its console", async () => {
  const lib = await libWithAgent(
    "dying",
    `#include <stdio.h>\nint main(void) { puts("dying"); return 3; }`,
  );
  const outcome = await smolvm(["run", rootfs, "true"], { env: { SMOLVM_LIB: lib } });
  assertFailed(outcome, /^smolvm: The VM ended unexpectedly \(exit code \d+\)\n(.*\n)* {2}dying\n/);
});

test("run restarts a VM that dies before its kernel prints anything, and gives up after the third time", async () => {
  const folder = await suite.makeFolder("stillborn");
  const calls = [
    "create_ctx",
    "set_vm_config",
    "set_root",
    "add_vsock_port",
    "set_exec",
    "set_console_output",
    "add_disk2",
  ];
  const optional = ["disable_implicit_vsock", "add_vsock"];
  await Deno.writeTextFile(
    `${folder}/krun.c`,
    `#include <stdio.h>\n#include <unistd.h>
    ${[...calls, ...optional].map((call) => `int krun_${call}(void) { return 0; }`).join("\n")}
    int krun_start_enter(void) { fputc('x', fopen("${folder}/starts", "a")); fflush(NULL); _exit(0); }\n`,
  );
  const library = `${folder}/libkrun.so`;
  assertCode(await runProcess("gcc", { args: ["-shared", "-fPIC", "-o", library, `${folder}/krun.c`] }), 0);
  // In a jail, the library could not write the file.
  const args = ["run", "--insecure-no-jail", rootfs, "true"];
  const outcome = await smolvm(args, { env: { SMOLVM_LIBKRUN: library } });
  assertFailed(outcome, /^.* has no jail: .*\nsmolvm: The VM ended unexpectedly \(exit code 0\)\n$/);
  assert.equal(await Deno.readTextFile(`${folder}/starts`), "xxx");
});

test("run gives up a guest that takes longer than SMOLVM_BOOT_TIMEOUT", async () => {
  const outcome = await smolvm(["run", rootfs, "true"], { env: { SMOLVM_BOOT_TIMEOUT: "0.001" } });
  assertFailed(outcome, /^smolvm: The guest did not say hello within 0\.001 s/);
});
