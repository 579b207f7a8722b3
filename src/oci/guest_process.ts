import { SmolvmError } from "../errors.ts";
import { AGENT_TOOL, type Exec, type WindowSize } from "../protocol/messages.ts";
import type { CapabilitySet, OciProcess } from "./config.ts";

/** The index of each name is its number on Linux. */
const CAPABILITIES = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
`.trim().split(/\s+/);
const RLIMITS = `
  CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME
`.trim().split(/\s+/);
/** `fs.nr_open` of the guest's kernel. */
const MOST_FILES = 1_048_576;
const SETS: CapabilitySet[] = ["bounding", "effective", "inheritable", "permitted", "ambient"];

/** Limits of a container that apply to its processes, encoded for the agent's tool. */
export interface ProcessLimits {
  /** From `seccompWord()`. */
  seccomp: string;
  /** From `sysctlWord()`; `-` for all but the first process. */
  sysctls: string;
}

/**
 * The exec request for a container's process. The guest runs it through the agent's tool, which applies the process's
 * configuration.
 *
 * @throws {SmolvmError} `config` for an unknown resource limit.
 */
export function guestExec(
  process: OciProcess,
  { terminal, pid1, sysctls, seccomp }: { terminal: WindowSize | undefined; pid1: boolean } & ProcessLimits,
): Exec {
  const { args, env = [], cwd, user = {} } = process;
  const ids = [user.uid ?? 0, user.gid ?? 0, ...user.additionalGids ?? []];
  const flags = `${process.noNewPrivileges ? "n" : ""}${env.some((it) => it.startsWith("HOME=")) ? "" : "h"}`;
  const words = [
    ids.join(","),
    (user.umask ?? 0o022).toString(8),
    SETS.map((set) => capabilityBits(process.capabilities?.[set] ?? [])).join(","),
    flags || "-",
    rlimitWords(process),
    sysctls,
    seccomp,
  ];
  return {
    argv: [AGENT_TOOL, "container", ...words, ...args],
    env,
    cwd,
    makeCwd: true,
    pid1,
    user: "",
    tty: terminal,
    stdin: true,
  };
}

/** A set of capabilities as a hexadecimal mask; unknown names are ignored. */
function capabilityBits(names: readonly string[]): string {
  const numbers = names.map((name) => CAPABILITIES.indexOf(name.replace(/^CAP_/, ""))).filter((at) => at >= 0);
  return numbers.reduce((bits, number) => bits | 1n << BigInt(number), 0n).toString(16);
}

/**
 * The resource limits of a process, encoded for the agent's tool; `-` for none.
 *
 * @throws {SmolvmError} `config` for an unknown limit.
 */
export function rlimitWords({ rlimits = [] }: OciProcess): string {
  const words = rlimits.map(({ type, soft, hard }) => {
    const resource = RLIMITS.indexOf(type.replace(/^RLIMIT_/, ""));
    if (resource < 0) throw new SmolvmError("config", `Cannot set the resource limit "${type}": unknown limit`);
    const most = type === "RLIMIT_NOFILE" ? MOST_FILES : Infinity;
    return `${resource}:${BigInt(Math.min(soft, most))}:${BigInt(Math.min(hard, most))}`;
  });
  return words.join(",") || "-";
}
