import { describeErrno } from "../errno.ts";
import { exitCodeOf, messageOf, SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { tailOf } from "../host/tail.ts";
import { startTimer } from "../host/timer.ts";
import { checkVirtualization } from "../host/virtualization.ts";
import { EXIT_MARK, exitFilter } from "../jail/filter.ts";
import { waitsForNetwork } from "../krun/features.ts";
import { initLog, startVm } from "../krun/vm.ts";
import { configureLog, log } from "../log.ts";
import { exitCode } from "../machine/exit_code.ts";
import { AgentConnection, SetupFailedError } from "../protocol/agent_connection.ts";
import { Attachment } from "../protocol/attachment.ts";
import { AGENT_PORT } from "../protocol/constants.ts";
import { MAIN_STREAM } from "../protocol/control.ts";
import type { ExitStatus, Setup } from "../protocol/messages.ts";
import { AGENT_PATH } from "../runner/boot_folder.ts";
import { ClockFollower } from "../runner/clock_follower.ts";
import { CommandRelay } from "../runner/command_relay.ts";
import { ControlServer } from "../runner/control_server.ts";
import { GuestSession } from "../runner/guest_session.ts";
import { shareFiles } from "../runner/guest_setup.ts";
import { guestInterfaces, networkDevice } from "../runner/network.ts";
import { type Prepared, prepareRunner } from "../runner/prepared.ts";
import { agentSocket, controlSocket } from "../runner_interface/spec.ts";
import { guestExec } from "./guest_process.ts";
import { startNetwork } from "./network.ts";
import { BOOT_FOLDER, type ContainerSpec, parseContainerSpec, RUNTIME_FOLDER, SPEC_FILE } from "./spec.ts";
import { OWN_STREAMS, PassedSignals, takeTerminal } from "./streams.ts";

const FOLDERS = { runtimeFolder: RUNTIME_FOLDER };
const CONSOLE_LOG = `${RUNTIME_FOLDER}/console.log`;
const RUNNER_LOG = `${RUNTIME_FOLDER}/runner.log`;
/** A machine with a network but no ports: libkrun connects its network device to the gateway. */
const NETWORK = { ...FOLDERS, machine: { net: true, networks: [], ports: [] } };

/**
 * The process of a container: runs its VM, and exits with the status of the container's process in the guest. The other
 * runtime has put it into the container's namespaces and control group, and into a root with only the shared files.
 */
export async function containerMain(): Promise<never> {
  const spec = parseContainerSpec(Deno.readTextFileSync(SPEC_FILE));
  const prepared = prepareRunner()();
  const messagesFd = prepared.libc.creat(RUNNER_LOG);
  configureLog({ level: spec.logLevel, sink: (line) => console.error(line) });
  let code: number;
  try {
    code = exitCode(await runVm(spec, { ...prepared, messagesFd }));
  } catch (error) {
    code = exitCodeOf(error);
    report(describe(error));
  }
  return prepared.libc.exit(code | EXIT_MARK);
}

/** Runs the VM until its command exits. */
async function runVm(
  spec: ContainerSpec,
  { libc, krun, filters, messagesFd }: Prepared & { messagesFd: number },
): Promise<ExitStatus> {
  checkVirtualization();
  const hasTerminal = spec.process.terminal ?? false;
  const signals = new PassedSignals({ terminal: hasTerminal });
  const { sysctls, seccomp } = spec;
  const terminal = hasTerminal ? takeTerminal(libc) : undefined;
  const exec = guestExec(spec.process, { terminal, pid1: true, sysctls, seccomp });
  const openFiles = libc.raiseOpenFilesLimit();
  const agents = Deno.listen({ transport: "unix", path: agentSocket(FOLDERS) });
  using control = new ControlServer(controlSocket(FOLDERS));
  const network = startNetwork(spec);
  if (!waitsForNetwork(krun)) await network;
  initLog(krun, messagesFd, spec.logLevel);
  // With the engine's confinement, these filters leave this process the rights of a jailed runner: see docs/engines.md.
  libc.filterSystemCalls(exitFilter(Deno.build));
  libc.filterSystemCalls(filters!.boot);
  const vmFailed = startVm(krun, {
    cpus: spec.cpus,
    memoryMib: spec.memoryMib,
    bootFolder: BOOT_FOLDER,
    agent: AGENT_PATH,
    shares: [],
    disk: undefined,
    vsock: { port: AGENT_PORT, socket: agentSocket(FOLDERS) },
    net: networkDevice(NETWORK),
    consoleLog: CONSOLE_LOG,
  });
  const narrow = () => libc.filterSystemCalls(filters!.guest);
  const served = serveGuest(spec, { narrow, openFiles, agents, control, signals, exec, network });
  return await Promise.race([served, vmFailed, network.then(() => served)]);
}

interface GuestContext {
  /** Removes the rights that only the boot needs. */
  narrow: () => void;
  openFiles: bigint;
  agents: Deno.Listener;
  control: ControlServer;
  signals: PassedSignals;
  exec: ReturnType<typeof guestExec>;
  /** Settles when the guest's network is ready; the guest is set up after that. */
  network: Promise<void>;
}

async function serveGuest(
  spec: ContainerSpec,
  { narrow, openFiles, agents, control, signals, exec, network }: GuestContext,
): Promise<ExitStatus> {
  const deadline = Promise.withResolvers<never>();
  using timer = startTimer(spec.helloTimeoutMs, () => {
    deadline.reject(new SmolvmError("guest", `The guest did not say hello within ${spec.helloTimeoutMs / 1000} s`));
  });
  const conn = await Promise.race([agents.accept(), deadline.promise]);
  await network;
  agents.close();
  narrow();
  const agent = new AgentConnection(conn);
  const relay = new CommandRelay(agent, MAIN_STREAM, { awaitsClient: true });
  // No status file: only the engine needs the status, and it watches this process.
  const status = { set: () => Promise.resolve() };
  const session = new GuestSession(agent, { exec, status, relay, onStarted: () => {} });
  control.serve({ relay, stop: (request) => session.stop(request), exec: (other) => session.exec(other) });
  const attachment = Attachment.over(control.connect(), OWN_STREAMS);
  const ended = attachment.finish();
  signals.deliver(attachment);
  const frames = await Promise.race([session.start(() => setupOf(spec, openFiles)), deadline.promise]);
  timer[Symbol.dispose]();
  using _clock = new ClockFollower(agent);
  await session.runCommand(frames);
  const exit = await ended;
  await session.goodbye(frames);
  await session.finished;
  if (exit) return exit;
  throw new SmolvmError("guest", "The guest ended before its command");
}

function setupOf({ readOnly, mounts }: ContainerSpec, openFiles: bigint): Setup {
  return {
    clockNs: BigInt(Date.now()) * 1_000_000n,
    // The name in the container's UTS namespace.
    hostname: Deno.hostname(),
    overlay: false,
    writable: !readOnly,
    ephemeral: true,
    rootfs: "/s/rootfs",
    files: [],
    mounts,
    rlimits: [],
    interfaces: guestInterfaces(NETWORK),
    shareFiles: shareFiles(openFiles),
  };
}

function describe(error: unknown): string {
  if (error instanceof SetupFailedError) {
    return `Cannot set up the guest: ${error.failure.text}: ${describeErrno(error.failure.errno)}`;
  }
  const console = exists(CONSOLE_LOG) ? tailOf(CONSOLE_LOG, 8) : [];
  const isGuests = error instanceof SmolvmError && error.code === "guest";
  return isGuests && console.length > 0
    ? `${error.message}; its console ends with:\n  ${console.join("\n  ")}`
    : messageOf(error);
}

function report(message: string): void {
  log("debug", "the container ends with an error");
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`smolvm: ${message}\n`));
  } catch {
    // The engine has exited.
  }
}
