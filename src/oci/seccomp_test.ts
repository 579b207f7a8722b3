import assert from "node:assert/strict";
import { runFilter } from "../../tests/helpers/bpf.ts";
import { assemble } from "../jail/bpf.ts";
import { auditArch } from "../jail/filter.ts";
import { type Architecture, syscallNumber } from "../jail/syscall_numbers.ts";
import type { OciSeccomp, OciSeccompArgument } from "./config.ts";
import { compileSeccomp, outerSeccomp, seccompWord } from "./seccomp.ts";

const [EPERM, ENOSYS] = [1, 38];
const ALLOW = "SCMP_ACT_ALLOW";
const ERRNO = "SCMP_ACT_ERRNO";
const I386 = 0x40000003;

/** The profile's decision for a call, by its name or number. */
function decide(
  profile: OciSeccomp,
  call: string | number,
  args: (number | bigint)[] = [],
  arch: Architecture = "x86_64",
) {
  const number = typeof call === "number" ? call : syscallNumber(call, arch)!;
  return runFilter(assemble(compileSeccomp(profile, arch)), { number, arch: auditArch(arch), args: args.map(BigInt) });
}

Deno.test("compileSeccomp() applies the first rule for a call, and the default to all other calls", () => {
  const profile: OciSeccomp = {
    defaultAction: ERRNO,
    defaultErrnoRet: 13,
    syscalls: [
      { names: ["read", "write", "no_call_of_this_architecture"], action: ALLOW, args: null },
      { names: ["getpid"], action: ERRNO },
      { names: ["ptrace"], action: "SCMP_ACT_KILL_PROCESS" },
      { names: ["uname"], action: ERRNO, errnoRet: 95 },
      { names: ["futex_wait"], action: ALLOW },
    ],
  };
  for (const arch of ["x86_64", "aarch64"] as const) {
    const table: [string, string | number][] = [["read", "allow"], ["write", "allow"], ["getpid", EPERM]];
    table.push(["ptrace", "kill"], ["uname", 95], ["futex_wait", "allow"], ["mount", 13], ["mseal", ENOSYS]);
    for (const [name, expected] of table) assert.equal(decide(profile, name, [], arch), expected, `${name} on ${arch}`);
    const filter = assemble(compileSeccomp(profile, arch));
    assert.equal(runFilter(filter, { number: 0, arch: I386, args: [] }), "kill");
  }
});

Deno.test("compileSeccomp() applies the default to all calls if the profile names none of the architecture", () => {
  for (const names of [[], ["socketcall"]]) {
    const profile: OciSeccomp = { defaultAction: ERRNO, syscalls: [{ names, action: ALLOW }] };
    assert.equal(decide(profile, "read"), EPERM);
  }
});

Deno.test("compileSeccomp() refuses x32 calls, and allows calls newer than the profile if the default allows", () => {
  const profile: OciSeccomp = { defaultAction: ALLOW, syscalls: [{ names: ["mount"], action: ERRNO }] };
  assert.equal(decide(profile, "mount"), EPERM);
  assert.equal(decide(profile, "mseal"), "allow");
  assert.equal(decide(profile, 0x40000000 + syscallNumber("mount", "x86_64")!), ENOSYS);
});

Deno.test("compileSeccomp() compares arguments as numbers of 64 bits", () => {
  const at = 0x1_0000_0005n;
  const around = [5n, at - 1n, at, at + 1n, 0x2_0000_0000n, 0xffff_ffff_ffff_ffffn];
  const table: [op: string, holds: (value: bigint) => boolean][] = [
    ["SCMP_CMP_EQ", (value) => value === at],
    ["SCMP_CMP_NE", (value) => value !== at],
    ["SCMP_CMP_LT", (value) => value < at],
    ["SCMP_CMP_LE", (value) => value <= at],
    ["SCMP_CMP_GT", (value) => value > at],
    ["SCMP_CMP_GE", (value) => value >= at],
  ];
  for (const [op, holds] of table) {
    const args = [{ index: 2, value: Number(at), op }];
    const profile: OciSeccomp = { defaultAction: ERRNO, syscalls: [{ names: ["read"], action: ALLOW, args }] };
    for (const value of around) {
      assert.equal(decide(profile, "read", [0, 0, value]), holds(value) ? "allow" : EPERM, `${op} ${value}`);
    }
  }
});

Deno.test("compileSeccomp() supports docker's rule about new namespaces by clone()", () => {
  const args = [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }];
  const profile: OciSeccomp = { defaultAction: ERRNO, syscalls: [{ names: ["clone"], action: ALLOW, args }] };
  assert.equal(decide(profile, "clone", [0x3d0f00]), "allow");
  assert.equal(decide(profile, "clone", [0x10000000 | 17]), EPERM);
});

Deno.test("compileSeccomp() requires all conditions, any of those on one argument, and tries the rules in order", () => {
  const rule = (action: string, ...args: OciSeccompArgument[]) => ({ names: ["socket"], action, args, errnoRet: 22 });
  const equal = (index: number, value: number) => ({ index, value, op: "SCMP_CMP_EQ" });
  const unlike = (index: number, value: number) => ({ index, value, op: "SCMP_CMP_NE" });
  // As in podman's own profile.
  const podman = [rule(ERRNO, equal(0, 16), equal(2, 9)), rule(ALLOW, unlike(2, 9)), rule(ALLOW, unlike(0, 16))];
  const profile = { defaultAction: ERRNO, syscalls: podman };
  assert.deepEqual([[16, 3, 9], [16, 3, 0], [2, 1, 9]].map((args) => decide(profile, "socket", args)), [
    22,
    "allow",
    "allow",
  ]);
  const families = { defaultAction: ERRNO, syscalls: [rule(ALLOW, equal(0, 1), equal(0, 2))] };
  assert.deepEqual([1, 2, 3].map((family) => decide(families, "socket", [family])), ["allow", "allow", EPERM]);
  const all = { ...families, syscalls: [...families.syscalls, { names: ["socket"], action: ALLOW }] };
  assert.equal(decide(all, "socket", [3]), "allow");
});

Deno.test("seccompWord() encodes the filter for the agent's tool", () => {
  assert.equal(seccompWord(undefined, "x86_64"), "-");
  const flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"];
  const architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"];
  const word = seccompWord({ defaultAction: "SCMP_ACT_LOG", flags, architectures }, "x86_64");
  // Check the architecture, or kill; refuse x32 numbers; then apply the default.
  assert.equal(
    word,
    "6:" + "0020000000000004" + "00150100c000003e" + "0006000080000000" + "0020000000000000" + "0035000140000000" +
      "0006000000050026" + "000600007ffc0000",
  );
});

Deno.test("seccompWord() names the settings that a guest cannot support", () => {
  const rule = (args: OciSeccompArgument[], action = ALLOW) => ({ syscalls: [{ names: ["read"], action, args }] });
  const cases: [string, Partial<OciSeccomp>][] = [
    ['the action "SCMP_ACT_FUN"', { defaultAction: "SCMP_ACT_FUN" }],
    ["notifications: no program of the host sees the calls in a guest", rule([], "SCMP_ACT_NOTIFY")],
    ['the architecture "SCMP_ARCH_PDP11"', { architectures: ["SCMP_ARCH_PDP11"] }],
    ['the flag "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"', { flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] }],
    ['the comparison "SCMP_CMP_ODD"', rule([{ index: 0, value: 1, op: "SCMP_CMP_ODD" }])],
    ["the argument 6 of a system call", rule([{ index: 6, value: 1, op: "SCMP_CMP_EQ" }])],
    ["the argument's value 18446744073709552000", rule([{ index: 0, value: 2 ** 64, op: "SCMP_CMP_EQ" }])],
    ["the errno 5000", { defaultErrnoRet: 5000 }],
  ];
  for (const [what, change] of cases) {
    assert.throws(() => seccompWord({ defaultAction: ERRNO, ...change }, "x86_64"), {
      code: "usage",
      message: `Cannot create the container: smolvm's seccomp filter does not support ${what}`,
    });
  }
});

Deno.test("outerSeccomp() makes clone3() fail with ENOSYS if a profile does not name it, and keeps other profiles", () => {
  const rule = { names: ["clone"], action: ALLOW };
  const missing = { names: ["clone3"], action: ERRNO, errnoRet: ENOSYS };
  assert.deepEqual(outerSeccomp({ defaultAction: ERRNO, syscalls: [rule] }).syscalls, [rule, missing]);
  assert.deepEqual(outerSeccomp({ defaultAction: ERRNO }).syscalls, [missing]);
  for (
    const profile of [
      { defaultAction: ALLOW, syscalls: [rule] },
      { defaultAction: ERRNO, syscalls: [rule, { names: ["clone3"], action: ALLOW }] },
    ]
  ) assert.equal(outerSeccomp(profile), profile);
});
