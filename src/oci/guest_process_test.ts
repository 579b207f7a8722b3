import assert from "node:assert/strict";
import { guestExec } from "./guest_process.ts";

Deno.test("guestExec() passes the configuration of the process to the agent's tool", () => {
  const exec = guestExec({
    args: ["sh", "-c", "id"],
    env: ["A=b", "HOME=/h"],
    cwd: "/w",
    user: { uid: 1000, gid: 1001, additionalGids: [10, 20], umask: 0o77 },
    capabilities: { bounding: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN"], permitted: ["CAP_NEW_ONE"] },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 2 ** 40 }, { type: "RLIMIT_CORE", soft: 0, hard: 2 ** 64 }],
    noNewPrivileges: true,
  }, { terminal: { rows: 3, columns: 4 }, pid1: true, sysctls: "kernel/sem=1 2", seccomp: "0:aa" });
  const rlimits = "7:1024:1048576,4:0:18446744073709551616";
  assert.deepEqual(exec, {
    argv: ["/proc/self/exe", "container", "1000,1001,10,20", "77", "21,1,0,0,0", "n", rlimits, "kernel/sem=1 2", "0:aa"]
      .concat(
        ["sh", "-c", "id"],
      ),
    env: ["A=b", "HOME=/h"],
    cwd: "/w",
    makeCwd: true,
    pid1: true,
    user: "",
    tty: { rows: 3, columns: 4 },
    stdin: true,
  });
});

Deno.test("guestExec() runs a process without settings as root without capabilities, in its home", () => {
  const { argv, tty } = guestExec({ args: ["true"], cwd: "/" }, {
    terminal: undefined,
    pid1: false,
    sysctls: "-",
    seccomp: "-",
  });
  assert.deepEqual(argv.slice(2), ["0,0", "22", "0,0,0,0,0", "h", "-", "-", "-", "true"]);
  assert.equal(tty, undefined);
});

Deno.test("guestExec() refuses an unknown resource limit", () => {
  const rlimits = [{ type: "RLIMIT_FUN", soft: 1, hard: 1 }];
  assert.throws(
    () =>
      guestExec({ args: ["true"], cwd: "/", rlimits }, {
        terminal: undefined,
        pid1: false,
        sysctls: "-",
        seccomp: "-",
      }),
    {
      code: "config",
      message: 'Cannot set the resource limit "RLIMIT_FUN": unknown limit',
    },
  );
});
