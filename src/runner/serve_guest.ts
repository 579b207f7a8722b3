import { SmolvmError } from "../errors.ts";
import { sleep } from "../host/sleep.ts";
import { withDeadline } from "../host/timer.ts";
import { AgentConnection } from "../protocol/agent_connection.ts";
import { MAIN_STREAM, STOP_TIMEOUT_MS } from "../protocol/control.ts";
import { mainExecOf, type RunnerSpec } from "../runner_interface/spec.ts";
import { commandLogFile } from "../state/machine_folders.ts";
import { ClockFollower } from "./clock_follower.ts";
import { CommandLog } from "./command_log.ts";
import { CommandRelay } from "./command_relay.ts";
import type { Confinement } from "./confinement.ts";
import type { ControlServer } from "./control_server.ts";
import { GuestSession } from "./guest_session.ts";
import { type GuestParts, guestSetup } from "./guest_setup.ts";
import type { Lifeline } from "./lifeline.ts";
import type { GatewayFacts } from "./network.ts";
import type { PortForwarder } from "./port_forwarder.ts";
import type { StatusWriter } from "./status_writer.ts";
import type { StopSignals } from "./stop_signals.ts";
import { untilTaken } from "./warm_machine.ts";

/** How long the guest may take to kill its processes and sync its disks, in ms. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

/** How a runner reports the result of a start to its client. Only the first call counts, apart from `waits`. */
export interface StartReport {
  /** The warm machine has booted. Later reports go to the client that takes it. */
  waits(): void;
  /** The awaited client may attach, or the command runs. */
  ready(): void;
  failed(error: SmolvmError): void;
}

/** What {@linkcode serveGuest} uses. */
export interface GuestContext {
  status: StatusWriter;
  agents: Deno.Listener;
  control: ControlServer;
  ports: PortForwarder;
  lifeline: Lifeline;
  report: StartReport;
  confinement: Confinement;
  signals: StopSignals;
  /** Settles when the gateway listens, with what the guest must know about it. */
  gateway: Promise<GatewayFacts>;
}

/** Waits for the guest, runs the command, and settles when the clients have all output and the disks are synced. */
export async function serveGuest(spec: RunnerSpec, boot: GuestParts, serving: GuestContext): Promise<void> {
  const { status, agents, control, ports, lifeline, report } = serving;
  const late = () => new SmolvmError("guest", `The guest did not say hello within ${spec.helloTimeoutMs / 1000} s`);
  const conn = await withDeadline(agents.accept(), spec.helloTimeoutMs, late);
  // Accept one connection per VM: other processes in the guest must not reach this port.
  agents.close();
  serving.confinement.restrictToGuest();
  if (spec.warm !== null) await untilTaken(spec, boot, serving);
  const facts = await serving.gateway;
  // Not earlier: the client retries a VM that dies during boot, but must not retry one that may have run something.
  // The client also keeps the secrets file until then, for the gateway.
  if (spec.attached) report.ready();
  using commandLog = spec.commandLog ? new CommandLog(commandLogFile(spec.folder), spec.commandLog) : undefined;
  const agent = new AgentConnection(conn);
  const relay = new CommandRelay(agent, MAIN_STREAM, { awaitsClient: spec.attached, log: commandLog });
  lifeline.ended.then(() => relay.release());
  const onStarted = (error?: SmolvmError) => error ? report.failed(error) : report.ready();
  const session = new GuestSession(agent, { exec: mainExecOf(spec), status, relay, onStarted });
  control.serve({ relay, stop: (request) => session.stop(request), exec: (exec) => session.exec(exec) });
  serving.signals.deliver(({ isHurried }) => {
    session.stop({ signal: spec.machine.stopSignal, timeoutMs: isHurried ? 0 : STOP_TIMEOUT_MS });
  });
  ports.forward(() => control.connect());
  const frames = await withDeadline(
    session.start(() => guestSetup(spec, { ...boot, ...facts })),
    spec.helloTimeoutMs,
    late,
  );
  using _clock = new ClockFollower(agent);
  await session.runCommand(frames);
  serving.confinement.allowRemoval();
  const slow = () => new SmolvmError("guest", `The guest did not shut down within ${SHUTDOWN_TIMEOUT_MS / 1000} s`);
  const end = session.goodbye(frames);
  // Syncing a persistent disk has no time limit.
  await (spec.ephemeral ? withDeadline(end, SHUTDOWN_TIMEOUT_MS, slow) : end);
  await Promise.race([session.finished, sleep(SHUTDOWN_TIMEOUT_MS)]);
}
