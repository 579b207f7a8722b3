import { messageOf, SmolvmError } from "../errors.ts";
import { describeErrno } from "../errno.ts";
import { libFolder } from "../host/lib_folder.ts";
import type { Libc } from "../host/libc.ts";
import { osReason } from "../host/os_error.ts";
import { initLog, startVm } from "../krun/vm.ts";
import { log } from "../log.ts";
import { commandError } from "../protocol/command_error.ts";
import { AgentConnection, SetupFailedError } from "../protocol/agent_connection.ts";
import { AGENT_PORT, MSG } from "../protocol/constants.ts";
import { MAIN_STREAM } from "../protocol/control.ts";
import type { Frame } from "../protocol/frame.ts";
import { decodeExited, decodeFailure, encodeExec } from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/payload.ts";
import { claimEphemeralName, removeEphemeralMachine, sweepEphemeralMachines } from "../state/ephemeral.ts";
import { consoleLog, createMachineFolders, runnerLog } from "../state/machine_folders.ts";
import { encodeError } from "../state/error_record.ts";
import { type MachineStatus, writeStatus } from "../state/status.ts";
import { tailOf } from "../state/tail.ts";
import { createDisk } from "../storage/disk.ts";
import { AGENT_PATH, bindBootFolder, type BootFolder, shareBootFolder } from "./boot_folder.ts";
import { CommandRelay } from "./command_relay.ts";
import { ControlServer } from "./control_server.ts";
import { guestSetup } from "./guest_setup.ts";
import type { Libraries } from "./libraries.ts";
import type { Lifeline } from "./lifeline.ts";
import { agentSocket, bootFolder, controlSocket, type RootfsSpec, type RunnerSpec } from "./spec.ts";

const EOPNOTSUPP = 95;
const OVERLAY_HINT =
  "The virtiofs of this libkrun cannot lie below an overlay (libkrun issue 867): take the libkrun that " +
  "scripts/setup fetches, or a later one.";
/** How long the guest may take to kill its processes and sync its disks, in ms. */
const SHUTDOWN_TIMEOUT_MS = 10_000;
/** How long the client of a machine that failed may take to read why, in ms. */
const LAST_WORDS_MS = 5_000;

/** How a runner tells whoever started it how the start went; only the first call counts. */
export interface StartReport {
  /** Clients may attach. */
  listening(): void;
  failed(error: SmolvmError): void;
}

/** What a machine has of its runner. */
export interface RunnerContext {
  lifeline: Lifeline;
  libraries: () => Libraries;
  report: StartReport;
}

/** Runs a machine from its folder's creation to its end. */
export async function runMachine(spec: RunnerSpec, context: RunnerContext): Promise<void> {
  const { lifeline, report } = context;
  const status: MachineStatus = { state: "starting", pid: Deno.pid, exit: null, error: null };
  // Held to the end: a machine whose lock is free is anybody's to remove.
  using lock = new DisposableStack();
  using clients = new DisposableStack();
  try {
    lock.use(createMachineFolders(spec));
    await liveOn(spec, status, { ...context, clients });
    if (spec.ephemeral) await removeEphemeralMachine(spec);
  } catch (error) {
    const failure = await describeFailure(error, spec);
    log("error", failure.message);
    // What the disk is too full for can still be said.
    await writeStatus(spec.folder, { ...status, ...failed(failure) }).catch((error) => log("error", messageOf(error)));
    report.failed(failure);
    // A client whose connection ends looks into the status.
    clients.dispose();
    if (!spec.ephemeral) return;
    await Promise.race([lifeline.ended, new Promise((done) => setTimeout(done, LAST_WORDS_MS))]);
    await removeEphemeralMachine(spec);
  }
}

/**
 * Boots the VM, runs its command and brings it to an ordered end, or leaves it as it is when nobody holds an ephemeral
 * one any more. Whoever attaches is one of `clients`.
 */
async function liveOn(
  spec: RunnerSpec,
  status: MachineStatus,
  { libraries, lifeline, report, clients }: RunnerContext & { clients: DisposableStack },
): Promise<void> {
  const { libc, krun } = libraries();
  const logFd = libc.creat(runnerLog(spec.folder));
  // libkrun and the runtime write their last words to standard error, where the user's own output must stay alone.
  libc.dup2(logFd, 2);
  libc.raiseOpenFilesLimit();
  const boot = prepareBoot(libc, spec);
  const agents = Deno.listen({ transport: "unix", path: agentSocket(spec) });
  const control = clients.use(new ControlServer(controlSocket(spec)));
  initLog(krun, logFd, spec.logLevel);
  log("debug", "starting the VM");
  const vmFailed = startVm(krun, {
    cpus: spec.cpus,
    memoryMib: spec.memoryMib,
    bootFolder: bootFolder(spec),
    agent: AGENT_PATH,
    shares: boot.shares,
    disk: { path: diskFile(spec), durable: !spec.ephemeral },
    vsock: { port: AGENT_PORT, socket: agentSocket(spec) },
    net: spec.net,
    consoleLog: consoleLog(spec.folder),
  });
  // While the guest boots there is time for the rest.
  const registered = register(spec, status);
  const commandDone = registered.then(() => {
    report.listening();
    return serveGuest(spec, status, boot, { agents, control });
  });
  try {
    await Promise.race([commandDone, vmFailed, ...(spec.ephemeral ? [lifeline.ended] : [])]);
  } finally {
    // A name entered after the machine was removed would stay. Its failure is the command's as well.
    await registered.catch(() => {});
  }
}

/** Makes the machine known: its state and its name. */
async function register(spec: RunnerSpec, status: MachineStatus): Promise<void> {
  await writeStatus(spec.folder, status);
  await claimEphemeralName(spec);
  if (spec.ephemeral) sweepEphemeralMachines().catch((error) => log("warn", messageOf(error)));
}

function prepareBoot(libc: Libc, spec: RunnerSpec): BootFolder {
  const sources = {
    folder: bootFolder(spec),
    agent: `${libFolder()}/smolvm-agent-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`,
    rootfs: rootfsPath(spec.rootfs),
    volumes: spec.volumes,
  };
  try {
    Deno.mkdirSync(sources.folder, { recursive: true, mode: 0o700 });
    const boot = Deno.build.os === "linux" ? bindBootFolder(libc, sources) : shareBootFolder(sources);
    createDisk(diskFile(spec));
    return boot;
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot prepare the guest's root: ${osReason(error)}`, { cause: error });
  }
}

function rootfsPath(rootfs: RootfsSpec): string {
  const path = "path" in rootfs ? rootfs.path : Deno.env.get(rootfs.variable);
  if (path === undefined) {
    throw new SmolvmError("image", "Cannot find the mounted image: buildah did not name its folder");
  }
  return path;
}

function diskFile({ folder }: RunnerSpec): string {
  return `${folder}/disk.img`;
}

/** Waits for the guest, runs the machine's command in it, and settles when its client and its disks have everything. */
async function serveGuest(
  spec: RunnerSpec,
  status: MachineStatus,
  boot: BootFolder,
  { agents, control }: { agents: Deno.Listener; control: ControlServer },
): Promise<void> {
  const seconds = spec.helloTimeoutMs / 1000;
  const late = () => new SmolvmError("guest", `The guest did not say hello within ${seconds} s`);
  const conn = await withDeadline(agents.accept(), spec.helloTimeoutMs, late);
  // One connection per VM: whatever else in the guest dials the port finds nobody.
  agents.close();
  const agent = new AgentConnection(conn);
  const relay = new CommandRelay(agent, MAIN_STREAM);
  control.serve(relay);
  const frames = agent.frames(() => guestSetup(spec, boot));
  await withDeadline(frames.next(), spec.helloTimeoutMs, late);
  log("debug", "the guest is ready");
  agent.send(MSG.EXEC, MAIN_STREAM, encodeExec({ ...spec.command, tty: spec.command.tty ?? undefined }));
  await relayCommand(frames, relay, (change) => writeStatus(spec.folder, Object.assign(status, change)));
  agent.send(MSG.SHUTDOWN);
  const slow = () => new SmolvmError("guest", `The guest did not shut down within ${SHUTDOWN_TIMEOUT_MS / 1000} s`);
  await withDeadline(Promise.all([relay.finished, bye(frames)]), SHUTDOWN_TIMEOUT_MS, slow);
}

/** Passes the command's frames on until its last; what they say of the machine is written before it is reported. */
async function relayCommand(
  frames: AsyncIterator<Frame, boolean>,
  relay: CommandRelay,
  setStatus: (change: Partial<MachineStatus>) => Promise<void>,
): Promise<void> {
  while (true) {
    const { done, value: frame } = await frames.next();
    if (done) throw new SmolvmError("guest", "The guest ended before its command");
    if (frame.stream !== MAIN_STREAM) throw new ProtocolError(`stream ${frame.stream} does not exist`);
    const ended = frame.type === MSG.EXITED || frame.type === MSG.FAILED;
    if (frame.type === MSG.STARTED) await setStatus({ state: "running" });
    if (frame.type === MSG.EXITED) await setStatus({ state: "stopped", exit: decodeExited(frame.payload) });
    if (frame.type === MSG.FAILED) await setStatus(failed(commandError(decodeFailure(frame.payload))));
    relay.fromAgent(frame);
    if (ended) return;
  }
}

/** Settles when the guest has said goodbye, its disks synced. */
async function bye(frames: AsyncIterator<Frame, boolean>): Promise<void> {
  const { done, value } = await frames.next();
  if (!done) throw new ProtocolError(`message ${value.type} behind the command's end`);
  if (!value) throw new SmolvmError("guest", "The guest ended without syncing its disk");
}

/** What any failure of a machine is to its user. */
async function describeFailure(error: unknown, spec: RunnerSpec): Promise<SmolvmError> {
  if (error instanceof SetupFailedError) {
    const { text, errno } = error.failure;
    return new SmolvmError("guest", `Cannot set up the guest: ${text}: ${describeErrno(errno)}`, {
      cause: error,
      hint: errno === EOPNOTSUPP ? OVERLAY_HINT : undefined,
    });
  }
  if (error instanceof ProtocolError) {
    return new SmolvmError("guest", `The guest broke the protocol: ${error.message}`, { cause: error });
  }
  if (!(error instanceof SmolvmError)) return new SmolvmError("internal", messageOf(error), { cause: error });
  if (error.code !== "guest") return error;
  const console = await tailOf(consoleLog(spec.folder), 8);
  if (console.length === 0) return error;
  return new SmolvmError("guest", `${error.message}; its console ends with:\n  ${console.join("\n  ")}`, {
    cause: error,
  });
}

function failed(error: SmolvmError): Partial<MachineStatus> {
  return { state: "failed", error: encodeError(error) };
}

async function withDeadline<T>(promise: Promise<T>, ms: number, late: () => SmolvmError): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => timer = setTimeout(() => reject(late()), ms));
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
