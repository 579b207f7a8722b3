// What code that has taken over a VM process could do: a tracer makes system calls on one of its threads. The process
// enters its jail as a runner does, but has no VM, so this test needs no KVM.
import assert from "node:assert/strict";
import { jailPrefix } from "../../src/jail/prefix.ts";
import type { RunnerSpec } from "../../src/runner_interface/spec.ts";
import { vmFolder } from "../../src/state/machine_folders.ts";
import { type Answers, buildAttacks, inject, injectAll, injectNames } from "../helpers/attacks.ts";
import { assertJailed } from "../helpers/jail_inspection.ts";
import { makeRecord } from "../helpers/machines.ts";
import { assertCode, Process, runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";

const SCRIPT = decodeURIComponent(new URL("../attack/jailed.ts", import.meta.url).pathname);
const DENO_FLAGS = ["-A", "--no-config", "--no-lock", "--no-prompt", "--no-check", "--cached-only", "--quiet"];
/** The user and group "nobody". */
const ORDINARY_USER = 65_534;

/** The results of attempts that have no line of their own below. */
const REFUSED = /^(EPERM|ENOSYS|KILLED 31)$/;
const ABSENT = /^(ENOENT|EROFS|EACCES|EPERM|ENOSYS|ENOTDIR|KILLED 31)$/;

/** The expected results by name of the attempt; the first match counts. */
const EXPECTED: readonly [name: RegExp, answer: RegExp][] = [
  [/^getpid$/, /^ALLOWED/],
  [/^planted (file|fifo)$/, /^ALLOWED/],
  // A Unix socket, which is useless without connect().
  [/^socket of family 1$/, /^ALLOWED/],
  [/^(socketpair|connect|bind|listen)$/, /^ECONNREFUSED$/],
  // The virtiofs server takes on the guest's users: the filter allows the call, and the kernel refuses it.
  [/^setgroups$/, /^(EFAULT|EPERM)$/],
  [/^planted file capability$/, /^EPERM$/],
  [/^planted by rename$/, /^EXDEV$/],
  [/^open (\/dev\/null|\/vm\/.*) again for writing$/, /^ALLOWED/],
  [/^(open|unlink|planted) /, ABSENT],
  [/./, REFUSED],
];

interface Jailed extends AsyncDisposable {
  pid: number;
  /** Its folder on the host. */
  here: string;
  /** A file of the host that the process's user could read outside the jail. */
  file: string;
  folder: string;
  narrow(): Promise<void>;
}

/** Starts a process in its jail. */
async function startJailed(
  base: string,
  { uid = Deno.uid()!, isJailed = true }: { uid?: number; isJailed?: boolean } = {},
): Promise<Jailed> {
  const here = await Deno.makeTempDir({ dir: base });
  const [folder, runtimeFolder, rootfs] = [`${here}/machine`, `${here}/run/0123456789ab`, `${here}/rootfs`];
  for (const path of [folder, vmFolder(folder), `${here}/run`, runtimeFolder, rootfs]) await Deno.mkdir(path);
  await Deno.writeTextFile(`${folder}/machine.json`, "{}");
  await Deno.writeTextFile(`${here}/secret`, "secret");
  assertCode(await runProcess("chown", { args: ["-R", `${uid}`, here] }), 0);
  const spec: RunnerSpec = {
    machine: makeRecord(),
    folder,
    runtimeFolder,
    ephemeral: true,
    held: true,
    isJailed,
    warm: null,
    attached: false,
    rootfs: { path: rootfs },
    nameservers: [],
    networks: [],
    gateway: [],
    terminal: null,
    stdin: false,
    commandLog: null,
    helloTimeoutMs: 1000,
    logLevel: "error",
  };
  const deno = [Deno.execPath(), "run", ...DENO_FLAGS, SCRIPT, JSON.stringify(spec), `${here}/secret`, rootfs];
  // Open descriptors of a careless parent are inherited.
  const careless = ["-c", 'exec 8<"$0" 9>>"$0"; exec "$@"', `${here}/secret`];
  const process = new Process("sh", {
    args: [...careless, ...jailPrefix({ isJailed, keepsNetwork: false }), ...deno],
    cwd: "/",
    env: { STARTERS_SECRET: "" },
    ...uid === Deno.uid() ? {} : { uid, gid: uid },
  });
  await process.untilStdout(/closed\n/);
  return {
    // The child of smolvm-jail, which itself stays outside.
    pid: Number(Deno.readTextFileSync(`/proc/${process.pid}/task/${process.pid}/children`)),
    here,
    file: `${here}/secret`,
    folder: vmFolder(folder),
    async narrow() {
      await process.write("\n");
      await process.untilStdout(/narrowed\n/);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

async function startNarrowed(...args: Parameters<typeof startJailed>): Promise<Jailed> {
  const jailed = await startJailed(...args);
  await jailed.narrow();
  return jailed;
}

function assertHeld(answers: Answers, expected = EXPECTED): void {
  const wrong = [...answers].filter(([name, answer]) =>
    !expected.find(([pattern]) => pattern.test(name))![1].test(answer)
  );
  assert.deepEqual(wrong, []);
}

/** Runs a test in a folder that every user can enter. */
async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  using folder = makeTempFolder();
  await Deno.chmod(folder.path, 0o755);
  await test(folder.path);
}

/** Whether the attempt ended its process, so that it needs its own process. */
const isDeadly = (answer: string | undefined) => answer === "KILLED 31";
let harmless: string[] = [];

Deno.test.beforeAll(buildAttacks);

Deno.test("a process without a jail can make the calls that a jail refuses", () =>
  withFolder(async (base) => {
    await using victim = await startJailed(base, { isJailed: false });
    const names = [
      ..."getpid,open the file,open /etc/passwd,open ../ passwd,open /proc/self/mem".split(","),
      ..."socket unix datagram,socket inet datagram,kill itself,kill init,personality,unshare files".split(","),
      ..."clone a process,execve".split(","),
    ];
    const answers = await inject(victim.pid, { ...victim, names });
    const allowed = names.filter((name) => answers.get(name)?.startsWith("ALLOWED"));
    assert.deepEqual(allowed, names);
  }));

Deno.test("a jailed process reaches no file, socket, process, namespace or program by any call", () =>
  withFolder(async (base) => {
    const names = await injectNames();
    // Each call that ends its process needs its own process: run two at a time.
    const half = Math.ceil(names.length * 0.75);
    const parts = [names.slice(0, half), names.slice(half)].map((part) => injectAll(() => startNarrowed(base), part));
    const answers = new Map((await Promise.all(parts)).flatMap((answers) => [...answers]));
    assertHeld(answers);
    assert.ok(answers.size > names.length, `${answers.size} answers to ${names.length} attempts`);
    for (const name of ["execve", "ptrace init", "unshare user", "mount", "bpf", "io_uring_setup", "keyctl"]) {
      assert.equal(answers.get(name), "KILLED 31", name);
    }
    harmless = names.filter((name) => !isDeadly(answers.get(name)));
  }));

Deno.test("a jailed process can access nothing of the host but its machine, seen from outside", () =>
  withFolder(async (base) => {
    await using jailed = await startNarrowed(base);
    const { pid, here, file, folder } = jailed;
    assertJailed(pid, {
      mounts: {
        "/": "ro",
        "/dev/kvm": "rw",
        "/proc/self/fd": "rw",
        [folder]: "rw",
        [`${here}/run/0123456789ab`]: "ro",
        [`${here}/run/boot`]: "ro",
        [`${here}/run/boot/s/rootfs`]: "ro",
      },
      writable: [folder],
      files: [],
      forbidden: [file],
      secret: "STARTERS_SECRET",
    });
  }));

Deno.test("an ordinary user's jailed process reaches nothing more", async () => {
  if (Deno.uid() !== 0) return console.log("skipped: all tests run as an ordinary user here");
  await withFolder(async (base) => {
    await using jailed = await startNarrowed(base, { uid: ORDINARY_USER });
    assertHeld(await inject(jailed.pid, { ...jailed, names: harmless }));
  });
});

Deno.test("a jailed process reaches nothing more while its VM boots, except sockets without a peer", () =>
  withFolder(async (base) => {
    await using jailed = await startJailed(base);
    const answers = await inject(jailed.pid, { ...jailed, names: harmless });
    assertHeld(answers, [
      [/^(socketpair|connect|bind|listen|ioctl KVM_CREATE_VM)$/, /^(EBADF|EFAULT)$/],
      ...EXPECTED,
    ]);
  }));
