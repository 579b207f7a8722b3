import { SmolvmError } from "../errors.ts";
import {
  type Instruction,
  jump,
  jumpAtLeast,
  jumpEqual,
  jumpGreater,
  loadArch,
  loadArgument,
  loadNumber,
  loadUpperHalf,
  mask,
  returns,
  unlessEqual,
  verdict,
} from "../jail/bpf.ts";
import { auditArch } from "../jail/filter.ts";
import { type Architecture, SYSCALL_NAMES, syscallNumber } from "../jail/syscall_numbers.ts";
import type { OciSeccomp, OciSeccompArgument } from "./config.ts";

/** SECCOMP_RET_*; the last two contain an errno. */
const ACTIONS = new Map([
  ["SCMP_ACT_KILL", 0x00000000],
  ["SCMP_ACT_KILL_THREAD", 0x00000000],
  ["SCMP_ACT_KILL_PROCESS", 0x80000000],
  ["SCMP_ACT_TRAP", 0x00030000],
  ["SCMP_ACT_LOG", 0x7ffc0000],
  ["SCMP_ACT_ALLOW", 0x7fff0000],
  ["SCMP_ACT_ERRNO", 0x00050000],
  ["SCMP_ACT_TRACE", 0x7ff00000],
]);
const WITH_ERRNO = ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"];
const LENIENT = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"];
/** Flags of seccomp(2). TSYNC is dropped: it has no effect on a process with one thread. */
const FLAGS = new Map([
  ["SECCOMP_FILTER_FLAG_TSYNC", 0],
  ["SECCOMP_FILTER_FLAG_LOG", 2],
  ["SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4],
]);
/** Architectures that a profile may name. A guest's kernel has only one: calls for others kill the process. */
const ARCHITECTURES = `
  X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC
  PARISC64 RISCV64
`.trim().split(/\s+/).map((name) => `SCMP_ARCH_${name}`);
const [EPERM, ENOSYS, ERRNO_MAX] = [1, 38, 4095];
/** On x64, numbers from this one on belong to the x32 ABI, which the guest's kernel lacks. */
const X32 = 0x40000000;
const INSTRUCTIONS_MAX = 4096;

/** The rules for one system call: the first rule whose conditions all hold decides. */
type Rules = { action: number; conditions: readonly OciSeccompArgument[] }[];

/**
 * A container's profile as a filter for seccomp(2), encoded for the agent's tool; `-` for none. Unknown names of system
 * calls are ignored, as by runc, because profiles contain the names of all architectures.
 *
 * @throws {SmolvmError} `usage` for settings that a guest cannot support.
 */
export function seccompWord(profile: OciSeccomp | undefined, arch: Architecture): string {
  if (profile === undefined) return "-";
  const flags = (profile.flags ?? []).map((flag) => numberOf(FLAGS, flag, "flag"));
  const other = (profile.architectures ?? []).find((name) => !ARCHITECTURES.includes(name));
  if (other !== undefined) refuse(`the architecture "${other}"`);
  const filter = compileSeccomp(profile, arch);
  return `${flags.reduce((all, flag) => all | flag, 0).toString(16)}:${words(filter)}`;
}

/**
 * The profile for the VM's process. If a profile does not name clone3(), because it is older than that call, clone3()
 * must fail with ENOSYS: only then does the C library fall back to clone(). With EPERM it could not create threads.
 */
export function outerSeccomp(profile: OciSeccomp): OciSeccomp {
  const { defaultAction, syscalls = [] } = profile;
  if (LENIENT.includes(defaultAction) || syscalls.some(({ names }) => names.includes("clone3"))) return profile;
  return { ...profile, syscalls: [...syscalls, { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS }] };
}

/** Compiles a profile to a program for seccomp(2). */
export function compileSeccomp(profile: OciSeccomp, arch: Architecture): Instruction[] {
  const otherwise = actionOf(profile.defaultAction, profile.defaultErrnoRet);
  const calls = rulesByNumber(profile, { arch, otherwise });
  const program = [
    loadArch,
    ...unlessEqual(auditArch(arch), [verdict("kill")]),
    loadNumber,
    // ENOSYS for calls newer than the profile, as in runc: programs that probe for them then use older ones.
    jumpAtLeast(LENIENT.includes(profile.defaultAction) ? X32 : firstUnknown(profile, arch), 0, 1),
    verdict(ENOSYS),
    ...[...calls].flatMap(([number, rules]) => decideCall(number, rules, otherwise)),
    returns(otherwise),
  ];
  if (program.length > INSTRUCTIONS_MAX) refuse("so many rules");
  return program;
}

/** One more than the highest number of a call that the profile names. */
function firstUnknown({ syscalls = [] }: OciSeccomp, arch: Architecture): number {
  const numbers = syscalls.flatMap(({ names }) => names.map((name) => numberIn(arch, name)))
    .filter((number) => number !== undefined);
  return numbers.length > 0 ? Math.max(...numbers) + 1 : X32;
}

function numberIn(arch: Architecture, name: string): number | undefined {
  return SYSCALL_NAMES.has(name) ? syscallNumber(name, arch) : undefined;
}

/** Rules that differ from the default, by call number. As in runc, a rule without conditions overrides the others. */
function rulesByNumber(
  { syscalls = [] }: OciSeccomp,
  { arch, otherwise }: { arch: Architecture; otherwise: number },
): Map<number, Rules> {
  const calls = new Map<number, Rules>();
  for (const { names, action, errnoRet, args } of syscalls) {
    const code = actionOf(action, errnoRet);
    if (code === otherwise) continue;
    const alternatives = alternativesOf(args ?? []).map((conditions) => ({ action: code, conditions }));
    for (const name of names) {
      const number = numberIn(arch, name);
      if (number !== undefined) calls.set(number, [...calls.get(number) ?? [], ...alternatives]);
    }
  }
  for (const [number, rules] of calls) {
    const always = rules.find(({ conditions }) => conditions.length === 0);
    if (always) calls.set(number, [always]);
  }
  return calls;
}

/** As in runc: if an argument has several conditions, any condition suffices; otherwise all must hold. */
function alternativesOf(args: readonly OciSeccompArgument[]): OciSeccompArgument[][] {
  const isAgain = new Set(args.map(({ index }) => index)).size < args.length;
  return isAgain ? args.map((arg) => [arg]) : [[...args]];
}

function decideCall(number: number, rules: Rules, otherwise: number): Instruction[] {
  const [first] = rules;
  if (first!.conditions.length === 0) return [jumpEqual(number, 0, 1), returns(first!.action)];
  const body = [
    ...rules.flatMap(({ action, conditions }) =>
      conditions.reduceRight((rest, condition) => when(condition, rest), [returns(action)])
    ),
    returns(otherwise),
  ];
  return [jumpEqual(number, 1, 0), jump(body.length), ...body];
}

/** Runs `body`, which must return, if the condition holds. Arguments have 64 bits and are compared in halves. */
function when({ index, op, value, valueTwo = 0 }: OciSeccompArgument, body: Instruction[]): Instruction[] {
  if (!Number.isInteger(index) || index < 0 || index > 5) refuse(`the argument ${index} of a system call`);
  const [upper, lower, size] = [loadUpperHalf(index), loadArgument(index), body.length];
  const [high, low] = halves(value);
  switch (op) {
    case "SCMP_CMP_EQ":
      return [upper, jumpEqual(high, 0, 2 + size), lower, jumpEqual(low, 0, size), ...body];
    case "SCMP_CMP_NE":
      return [upper, jumpEqual(high, 0, 2), lower, jumpEqual(low, size, 0), ...body];
    case "SCMP_CMP_GT":
      return [upper, jumpGreater(high, 3, 0), jumpEqual(high, 0, 2 + size), lower, jumpGreater(low, 0, size), ...body];
    case "SCMP_CMP_GE":
      return [upper, jumpGreater(high, 3, 0), jumpEqual(high, 0, 2 + size), lower, jumpAtLeast(low, 0, size), ...body];
    case "SCMP_CMP_LT":
      return [upper, jumpGreater(high, 3 + size, 0), jumpEqual(high, 0, 2), lower, jumpAtLeast(low, size, 0), ...body];
    case "SCMP_CMP_LE":
      return [upper, jumpGreater(high, 3 + size, 0), jumpEqual(high, 0, 2), lower, jumpGreater(low, size, 0), ...body];
    case "SCMP_CMP_MASKED_EQ": {
      const [wantedHigh, wantedLow] = halves(valueTwo);
      return [
        ...[upper, mask(high), jumpEqual((wantedHigh & high) >>> 0, 0, 3 + size)],
        ...[lower, mask(low), jumpEqual((wantedLow & low) >>> 0, 0, size)],
        ...body,
      ];
    }
    default:
      return refuse(`the comparison "${op}"`);
  }
}

function halves(value: number): [high: number, low: number] {
  if (!Number.isSafeInteger(value) || value < 0) refuse(`the argument's value ${value}`);
  return [Math.floor(value / 2 ** 32), value % 2 ** 32];
}

function actionOf(name: string, errno = EPERM): number {
  if (name === "SCMP_ACT_NOTIFY") refuse("notifications: no program of the host sees the calls in a guest");
  const action = numberOf(ACTIONS, name, "action");
  if (!WITH_ERRNO.includes(name)) return action;
  if (!Number.isInteger(errno) || errno < 0 || errno > ERRNO_MAX) refuse(`the errno ${errno}`);
  return action | errno;
}

function numberOf(numbers: ReadonlyMap<string, number>, name: string, what: string): number {
  return numbers.get(name) ?? refuse(`the ${what} "${name}"`);
}

function refuse(what: string): never {
  throw new SmolvmError("usage", `Cannot create the container: smolvm's seccomp filter does not support ${what}`);
}

/** The code, jumps and operand of each instruction, in hexadecimal. */
function words(program: readonly Instruction[]): string {
  return program.map((it) => it.map((part, index) => part.toString(16).padStart([4, 2, 2, 8][index]!, "0")).join(""))
    .join("");
}
