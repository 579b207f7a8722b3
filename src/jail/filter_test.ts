import assert from "node:assert/strict";
import { exists } from "../host/files.ts";
import { runProcess } from "../../tests/helpers/process.ts";
import { runFilter } from "../../tests/helpers/bpf.ts";
import { bootFilter, exitFilter, guestFilter } from "./filter.ts";
import { type Architecture, SYSCALL_NAMES, syscallNumber } from "./syscall_numbers.ts";

const auditArch = (arch: Architecture) => arch === "x86_64" ? 0xc000003e : 0xc00000b7;
const ARCHITECTURES: Architecture[] = ["x86_64", "aarch64"];
const PID = 4711;
const [EPERM, ENOSYS, ECONNREFUSED] = [1, 38, 111];
const [KVM_RUN, KVM_CREATE_VCPU, TIOCSTI, FIONBIO] = [0xae80, 0xae41, 0x5412, 0x5421];
const THREAD = 0x3d0f00;

/** The decision of a filter on a call; `none` where the architecture lacks the call. */
function decide(filter: Uint8Array<ArrayBuffer>, arch: Architecture, name: string, ...args: (number | bigint)[]) {
  const number = syscallNumber(name, arch);
  if (number === undefined) return "none";
  return runFilter(filter, { number, arch: auditArch(arch), args: args.map(BigInt) });
}

/** Checks a table of calls on both architectures. */
function check(
  filterFor: (arch: Architecture) => Uint8Array<ArrayBuffer>,
  table: [name: string, args: (number | bigint)[], expected: string | number][],
): void {
  for (const arch of ARCHITECTURES) {
    const filter = filterFor(arch);
    for (const [name, args, expected] of table) {
      const found = decide(filter, arch, name, ...args);
      if (found !== "none") assert.equal(found, expected, `${name}(${args.join(", ")}) on ${arch}`);
    }
  }
}

Deno.test("bootFilter() allows the calls that a VM needs, and none that reach beyond its process", () =>
  check((arch) => bootFilter({ arch, pid: PID }), [
    ["read", [0], "allow"],
    ["connect", [3], "allow"],
    ["mmap", [0, 4096, 7], "allow"],
    ["ioctl", [5, KVM_RUN], "allow"],
    ["ioctl", [5, KVM_CREATE_VCPU], "allow"],
    ["ioctl", [5, 0x4020ae46], "allow"], // KVM_SET_USER_MEMORY_REGION
    ["ioctl", [5, FIONBIO], "allow"],
    ["ioctl", [5, TIOCSTI], EPERM],
    ["ioctl", [5, 0x4004667f], EPERM],
    ["clone", [THREAD], "allow"],
    ["clone", [17], "kill"], // SIGCHLD: fork
    ["clone", [THREAD | 0x10000000], "kill"], // CLONE_NEWUSER
    ["clone", [THREAD | 0x20000], "kill"], // CLONE_NEWNS
    ["clone3", [0], ENOSYS],
    ["openat2", [0], ENOSYS],
    ["fork", [], "kill"],
    ["vfork", [], "kill"],
    ["execve", [], "kill"],
    ["execveat", [], "kill"],
    ["ptrace", [16, 1], "kill"],
    ["mount", [], "kill"],
    ["umount2", [], "kill"],
    ["pivot_root", [], "kill"],
    ["chroot", [], "kill"],
    ["unshare", [0], "kill"],
    ["setns", [3], "kill"],
    ["bpf", [], "kill"],
    ["io_uring_setup", [], "kill"],
    ["userfaultfd", [], "kill"],
    ["process_vm_writev", [], "kill"],
    ["open_by_handle_at", [], "kill"],
    ["keyctl", [], "kill"],
    ["tgkill", [PID, PID, 6], "allow"],
    ["tgkill", [1, 1, 9], EPERM],
    ["prctl", [15], "allow"],
    ["prctl", [4, 1], EPERM], // PR_SET_DUMPABLE
    ["prctl", [22, 0], EPERM], // PR_SET_SECCOMP
    ["fcntl", [3, 4], "allow"],
    ["fcntl", [3, 8, 1], EPERM], // F_SETOWN
    ["prlimit64", [0, 7, 0, 1], "allow"],
    ["prlimit64", [0, 7, 1, 0], EPERM],
    ["prlimit64", [0, 7, 1n << 32n, 0], EPERM],
    ["seccomp", [1, 1], "allow"],
    ["seccomp", [1, 8], EPERM],
    ["seccomp", [0, 0], EPERM],
  ]));

Deno.test("bootFilter() allows only Unix stream sockets", () => {
  const families: [family: number, type: number, expected: string | number][] = [
    [1, 1 | 0x80000, "allow"],
    [1, 2, EPERM],
    [1, 5, EPERM],
    [2, 1, EPERM],
    [2, 2 | 0x800, EPERM],
    [2, 3, EPERM], // raw
    [10, 1, EPERM],
    [16, 3, EPERM], // netlink
    [17, 3, EPERM], // packet
    [38, 5, EPERM], // AF_ALG
    [40, 1, EPERM], // vsock
  ];
  check(
    (arch) => bootFilter({ arch, pid: PID }),
    families.map(([family, type, expected]) => ["socket", [family, type], expected]),
  );
});

Deno.test("bootFilter() forbids creating set-user-ID files and devices", () =>
  check((arch) => bootFilter({ arch, pid: PID }), [
    ["openat", [-100, 0, 0o101, 0o644], "allow"],
    ["openat", [-100, 0, 0o101, 0o4755], EPERM],
    ["openat", [-100, 0, 0o20200001, 0o2755], EPERM], // O_TMPFILE
    ["openat", [-100, 0, 0, 0o7777], "allow"], // no mode without O_CREAT: the argument is a leftover value
    ["fchmod", [3, 0o4755], EPERM],
    ["fchmod", [3, 0o2755], "allow"],
    ["fchmodat", [-100, 0, 0o4711], EPERM],
    ["fchmodat", [-100, 0, 0o1777], "allow"],
    ["chmod", [0, 0o4755], EPERM],
    ["mkdirat", [-100, 0, 0o2755], "allow"],
    ["mknodat", [-100, 0, 0o010644], "allow"], // a fifo
    ["mknodat", [-100, 0, 0o100644], "allow"],
    ["mknodat", [-100, 0, 0o104755], EPERM],
    ["mknodat", [-100, 0, 0o020666], EPERM], // a character device
    ["mknodat", [-100, 0, 0o060666], EPERM], // a block device
  ]));

Deno.test("guestFilter() refuses new connections with ECONNREFUSED, and all KVM ioctls except KVM_RUN", () => {
  check((arch) => guestFilter({ arch }), [
    ["connect", [3], ECONNREFUSED],
    ["bind", [3], ECONNREFUSED],
    ["listen", [3], ECONNREFUSED],
    ["socketpair", [1], ECONNREFUSED],
    ["accept4", [3], "allow"],
    ["ioctl", [5, KVM_RUN], "allow"],
    ["ioctl", [5, KVM_CREATE_VCPU], EPERM],
    ["ioctl", [5, FIONBIO], "allow"],
  ]);
});

Deno.test("every filter kills a process that uses another architecture's calls; bootFilter() forbids x32 calls", () => {
  const read = { number: 0, args: [] };
  for (const arch of ARCHITECTURES) {
    for (
      const filter of [bootFilter({ arch, pid: PID }), guestFilter({ arch })]
    ) {
      assert.equal(runFilter(filter, { ...read, arch: 0x40000003 }), "kill"); // i386
    }
  }
  const x32 = { number: 0x40000000, arch: auditArch("x86_64"), args: [] };
  assert.equal(runFilter(bootFilter({ arch: "x86_64", pid: PID }), x32), EPERM);
});

for (const arch of ARCHITECTURES) {
  const compiler = arch === Deno.build.arch ? "gcc" : `${arch}-linux-gnu-gcc`;
  Deno.test({
    name: `syscallNumber() has the numbers of Linux's headers on ${arch}`,
    ignore: !isInPath(compiler),
    async fn() {
      const names = [...SYSCALL_NAMES].filter((name) => syscallNumber(name, arch) !== undefined);
      const source = `#include <asm/unistd.h>\n${names.map((name) => `@${name} __NR_${name}\n`).join("")}`;
      const { stdout } = await runProcess(compiler, { args: ["-E", "-P", "-xc", "-"], input: source });
      // A call that is newer than the headers keeps its name instead of a number.
      const found = [...stdout.matchAll(/@(\w+) (\d+)$/gm)].map(([, name, number]) => [name, number]);
      assert.ok(found.length > names.length - 20, stdout);
      for (const [name, number] of found) assert.equal(`${syscallNumber(name!, arch)}`, number, name);
    },
  });
}

function isInPath(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => exists(`${folder}/${program}`));
}

Deno.test("exitFilter() kills a process that exits with a status without the mark", () => {
  for (const arch of ARCHITECTURES) {
    const filter = exitFilter({ arch });
    for (const status of [0x100, 0x12a]) assert.equal(decide(filter, arch, "exit_group", status), "allow");
    for (const status of [0, 1, 42]) assert.equal(decide(filter, arch, "exit_group", status), "kill");
    assert.equal(decide(filter, arch, "exit", 0), "allow");
  }
});
