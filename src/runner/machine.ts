import { messageOf, SmolvmError } from "../errors.ts";
import { describeErrno } from "../errno.ts";
import { removeIfThere } from "../host/files.ts";
import { agentFile } from "../host/lib_folder.ts";
import type { Libc } from "../host/libc.ts";
import { osReason } from "../host/os_error.ts";
import { identifyProcess, type ProcessIdentity } from "../host/process_identity.ts";
import { checkVirtualization } from "../host/virtualization.ts";
import { initLog, startVm } from "../krun/vm.ts";
import { log } from "../log.ts";
import { AgentConnection, SetupFailedError } from "../protocol/agent_connection.ts";
import { AGENT_PORT } from "../protocol/constants.ts";
import { MAIN_STREAM } from "../protocol/control.ts";
import { ProtocolError } from "../protocol/payload.ts";
import { removeEphemeralMachine, sweepEphemeralMachines } from "../state/ephemeral.ts";
import { encodeError } from "../state/error_record.ts";
import type { Lock } from "../state/lock.ts";
import {
  commandLogFile,
  consoleLog,
  createMachineFolder,
  createRuntimeFolder,
  diskFile,
  runnerLog,
} from "../state/machine_folders.ts";
import { readRecord, writeRecord } from "../state/machine_record.ts";
import { isCalled, lockMachine } from "../state/machines.ts";
import { claimName } from "../state/names.ts";
import { CREATED, type MachineStatus } from "../state/status.ts";
import { tailOf } from "../state/tail.ts";
import { createDisk } from "../storage/disk.ts";
import { AGENT_PATH, bindBootFolder, type BootFolder, shareBootFolder } from "./boot_folder.ts";
import { CommandLog } from "./command_log.ts";
import { CommandRelay } from "./command_relay.ts";
import { ControlServer } from "./control_server.ts";
import { GuestSession } from "./guest_session.ts";
import { guestSetup } from "./guest_setup.ts";
import type { Libraries } from "./libraries.ts";
import type { Lifeline } from "./lifeline.ts";
import { PortForwarder } from "./port_forwarder.ts";
import { agentSocket, bootFolder, controlSocket, execOf, type RootfsSpec, type RunnerSpec } from "./spec.ts";
import { StatusWriter } from "./status_writer.ts";

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
  /** The client that is awaited may attach, or the command runs. */
  ready(): void;
  failed(error: SmolvmError): void;
}

/** What a machine has of its runner. */
export interface RunnerContext {
  lifeline: Lifeline;
  libraries: () => Libraries;
  report: StartReport;
}

/** Runs a machine from its lock to its end. */
export async function runMachine(spec: RunnerSpec, context: RunnerContext): Promise<void> {
  const { lifeline, report } = context;
  // Held to the end: a machine whose lock is free does not run.
  using lock = new DisposableStack();
  using clients = new DisposableStack();
  const status = new StatusWriter(spec.folder, { ...CREATED, state: "starting", process: ownIdentity() });
  try {
    lock.use(await takeMachine(spec));
    // Whoever held that lock before may have changed what the machine is since the client looked.
    if (!spec.ephemeral) spec.machine = readRecord(spec.folder);
  } catch (error) {
    // Another runner's machine is none of ours.
    report.failed(await describeFailure(error, spec));
    return;
  }
  try {
    createRuntimeFolder(spec);
    await liveOn(spec, status, { ...context, clients });
    if (spec.ephemeral) await removeEphemeralMachine({ ...spec, ...spec.machine });
    else await layDown(spec, status);
  } catch (error) {
    const failure = await describeFailure(error, spec);
    log("error", failure.message);
    // What the disk is too full for can still be said.
    await status.set(ended(failure)).catch((error) => log("error", messageOf(error)));
    report.failed(failure);
    // A client whose connection ends looks into the status.
    clients.dispose();
    if (!spec.ephemeral) return await removeIfThere(spec.runtimeFolder);
    await Promise.race([lifeline.ended, pause(LAST_WORDS_MS)]);
    await removeEphemeralMachine({ ...spec, ...spec.machine });
  }
}

async function takeMachine({ ephemeral, folder, machine }: RunnerSpec): Promise<Lock> {
  const lock = ephemeral ? createMachineFolder(folder) : await lockMachine(folder);
  if (lock === undefined) throw new SmolvmError("machine-state", `Machine "${machine.name}" is running already`);
  return lock;
}

/** The end of a machine that persists: its record, its status, its disk and its logs stay. */
async function layDown({ runtimeFolder }: RunnerSpec, status: StatusWriter): Promise<void> {
  await removeIfThere(runtimeFolder);
  await status.set({ state: status.current.state === "failed" ? "failed" : "stopped", process: null });
}

function ownIdentity(): ProcessIdentity | null {
  return identifyProcess(Deno.pid) ?? null;
}

/**
 * Boots the VM, runs its command and brings it to an ordered end, or leaves it as it is when nobody holds it any
 * more that should. Whoever attaches is one of `clients`.
 */
async function liveOn(
  spec: RunnerSpec,
  status: StatusWriter,
  { libraries, lifeline, report, clients }: RunnerContext & { clients: DisposableStack },
): Promise<void> {
  const { machine } = spec;
  const { libc, krun } = libraries();
  // Whoever started this may not have been allowed to look.
  checkVirtualization();
  const logFd = libc.creat(runnerLog(spec.folder));
  // libkrun and the runtime write their last words to standard error, where the user's own output must stay alone.
  libc.dup2(logFd, 2);
  libc.raiseOpenFilesLimit();
  const boot = prepareBoot(libc, spec);
  using ports = await PortForwarder.listen(machine.ports);
  const agents = Deno.listen({ transport: "unix", path: agentSocket(spec) });
  const control = clients.use(new ControlServer(controlSocket(spec)));
  initLog(krun, logFd, spec.logLevel);
  // TSI would have the guest's servers listen on the host, whatever is published; refused, they do so in the guest.
  if (machine.net && Deno.build.os === "linux") libc.forbidListening();
  log("debug", "starting the VM");
  const vmFailed = startVm(krun, {
    cpus: machine.cpus,
    memoryMib: machine.memoryMib,
    bootFolder: bootFolder(spec),
    agent: AGENT_PATH,
    shares: boot.shares,
    disk: { path: diskFile(spec.folder), durable: !spec.ephemeral },
    vsock: { port: AGENT_PORT, socket: agentSocket(spec) },
    net: machine.net,
    consoleLog: consoleLog(spec.folder),
  });
  // While the guest boots there is time for the rest.
  const registered = register(spec, status);
  const commandDone = registered.then(() => {
    if (spec.attached) report.ready();
    return serveGuest(spec, boot, { status, agents, control, ports, lifeline, report });
  });
  try {
    await Promise.race([commandDone, vmFailed, ...(spec.held ? [lifeline.ended] : [])]);
  } finally {
    // A name entered after the machine was removed would stay. Its failure is the command's as well.
    await registered.catch(() => {});
  }
}

/** Makes the machine known: its state, and what an ephemeral one is. */
async function register(
  { ephemeral, folder, runtimeFolder, machine }: RunnerSpec,
  status: StatusWriter,
): Promise<void> {
  await status.set({});
  if (!ephemeral) return;
  await writeRecord(folder, machine);
  await claimName(machine, isCalled);
  const runtime = runtimeFolder.slice(0, runtimeFolder.lastIndexOf("/"));
  sweepEphemeralMachines(runtime).catch((error) => log("warn", messageOf(error)));
}

function prepareBoot(libc: Libc, spec: RunnerSpec): BootFolder {
  const sources = {
    folder: bootFolder(spec),
    agent: agentFile(),
    rootfs: rootfsPath(spec.rootfs),
    volumes: spec.machine.volumes,
  };
  try {
    Deno.mkdirSync(sources.folder, { recursive: true, mode: 0o700 });
    const boot = Deno.build.os === "linux" ? bindBootFolder(libc, sources) : shareBootFolder(sources);
    // That of a machine that persists was made with it.
    if (spec.ephemeral) createDisk(diskFile(spec.folder), { sizeBytes: spec.machine.diskBytes });
    else Deno.statSync(diskFile(spec.folder));
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

/** What serving a guest takes. */
interface Serving {
  status: StatusWriter;
  agents: Deno.Listener;
  control: ControlServer;
  ports: PortForwarder;
  lifeline: Lifeline;
  report: StartReport;
}

/** Waits for the guest, runs the machine's command in it, and settles when its client and its disks have everything. */
async function serveGuest(spec: RunnerSpec, boot: BootFolder, serving: Serving): Promise<void> {
  const { status, agents, control, ports, lifeline, report } = serving;
  const late = () => new SmolvmError("guest", `The guest did not say hello within ${spec.helloTimeoutMs / 1000} s`);
  const conn = await withDeadline(agents.accept(), spec.helloTimeoutMs, late);
  // One connection per VM: whoever else in the guest dials the port finds nobody.
  agents.close();
  using commandLog = spec.commandLog ? new CommandLog(commandLogFile(spec.folder), spec.commandLog) : undefined;
  const agent = new AgentConnection(conn);
  const relay = new CommandRelay(agent, MAIN_STREAM, { awaitsClient: spec.attached, log: commandLog });
  lifeline.ended.then(() => relay.release());
  const onStarted = (error?: SmolvmError) => error ? report.failed(error) : report.ready();
  const session = new GuestSession(agent, { exec: execOf(spec.machine.command, spec), status, relay, onStarted });
  control.serve({ relay, stop: (request) => session.stop(request), exec: (exec) => session.exec(exec) });
  ports.forward(controlSocket(spec));
  const frames = await withDeadline(session.start(() => guestSetup(spec, boot)), spec.helloTimeoutMs, late);
  await session.runCommand(frames);
  const slow = () => new SmolvmError("guest", `The guest did not shut down within ${SHUTDOWN_TIMEOUT_MS / 1000} s`);
  const end = session.goodbye(frames);
  // A disk that is kept may take as long as it needs to be synced.
  await (spec.ephemeral ? withDeadline(end, SHUTDOWN_TIMEOUT_MS, slow) : end);
  await Promise.race([session.finished, pause(SHUTDOWN_TIMEOUT_MS)]);
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

/** A machine that was stopped while it started has not failed. */
function ended(error: SmolvmError): Partial<MachineStatus> {
  return { state: error.code === "interrupted" ? "stopped" : "failed", process: null, error: encodeError(error) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
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
