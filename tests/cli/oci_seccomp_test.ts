// Runs the filter for a container's seccomp profile on this host's kernel, and compares it with runc's.
import assert from "node:assert/strict";
import { agentFile } from "../../src/host/lib_folder.ts";
import type { OciConfig, OciSeccomp } from "../../src/oci/config.ts";
import { guestExec } from "../../src/oci/guest_process.ts";
import { seccompWord } from "../../src/oci/seccomp.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { canRunContainers } from "../helpers/oci_stand_in.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";

const PER_LINUX32 = 8;
/** The system calls that a shell needs, without those under test. */
const ALLOWED = `
  access arch_prctl brk capget capset chdir clone close dup2 dup3 execve exit exit_group faccessat faccessat2 fchdir
  fcntl fork fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getgroups getpgrp getpid getppid getrandom
  getuid ioctl lseek lstat mmap mprotect munmap newfstatat open openat openat2 pipe pipe2 prctl pread64 prlimit64 read
  readlink rseq rt_sigaction rt_sigprocmask rt_sigreturn set_robust_list set_tid_address setgid setgroups setresgid
  setresuid setuid stat statfs statx umask uname vfork wait4 write writev close_range sigaltstack getsid setsid
`.trim().split(/\s+/);

const PROFILES: Record<string, OciSeccomp> = {
  "allows all but a few": {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [
      { names: ["uname"], action: "SCMP_ACT_ERRNO", errnoRet: 18 },
      { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" },
      {
        names: ["personality"],
        action: "SCMP_ACT_ERRNO",
        errnoRet: 13,
        args: [
          { index: 0, value: PER_LINUX32, op: "SCMP_CMP_EQ" },
        ],
      },
      { names: ["sync"], action: "SCMP_ACT_KILL_PROCESS" },
    ],
  },
  "allows a few": {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
    syscalls: [
      { names: ALLOWED, action: "SCMP_ACT_ALLOW" },
      {
        names: ["personality"],
        action: "SCMP_ACT_ALLOW",
        args: [
          { index: 0, value: PER_LINUX32, op: "SCMP_CMP_NE" },
        ],
      },
    ],
  },
};
const SCRIPT = "uname -s; mkdir /tmp/made; rmdir /tmp/made 2>/dev/null; linux32 uname -m; linux64 true; sync; echo $?";

for (const [what, profile] of Object.entries(PROFILES)) {
  Deno.test({
    name: `a seccomp profile that ${what} forbids the same calls as with runc`,
    ignore: !canRunContainers(),
    fn: async () => {
      using temp = makeTempFolder();
      const folder = temp.path;
      await buildRootfs(`${folder}/rootfs`);
      assertCode(await runProcess("runc", { args: ["spec"], cwd: folder }), 0);
      const config = JSON.parse(Deno.readTextFileSync(`${folder}/config.json`)) as OciConfig;
      config.process = { ...config.process, args: ["/bin/sh", "-c", SCRIPT], terminal: false };
      config.root.readonly = false;

      const runcs = async (seccomp: OciSeccomp | undefined) => {
        const linux = { ...config.linux, seccomp };
        Deno.writeTextFileSync(`${folder}/config.json`, JSON.stringify({ ...config, linux }));
        const id = `smolvm-test-${crypto.randomUUID()}`;
        return await runProcess("runc", { args: ["run", id], cwd: folder });
      };
      const agents = async (seccomp: OciSeccomp | undefined, noNewPrivileges: boolean) => {
        const word = seccompWord(seccomp, Deno.build.arch);
        const process = { ...config.process, noNewPrivileges };
        const { argv } = guestExec(process, { terminal: undefined, pid1: false, sysctls: "-", seccomp: word });
        Deno.copyFileSync(agentFile(), `${folder}/rootfs/agent`);
        const args = [`${folder}/rootfs`, "/agent", ...argv.slice(1)];
        return await runProcess("/usr/sbin/chroot", { args, env: { PATH: "/bin" } });
      };
      const open = await runcs(undefined);
      assert.equal(open.stderr, "");
      const filtered = await runcs(profile);
      assert.match(filtered.stderr, /mkdir: can't create .*not permitted\nlinux32: personality/);
      for (const noNewPrivileges of [false, true]) {
        assert.deepEqual(await agents(undefined, noNewPrivileges), open);
        assert.deepEqual(await agents(profile, noNewPrivileges), filtered);
      }
    },
  });
}
