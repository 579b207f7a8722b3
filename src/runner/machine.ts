import { messageOf, SmolvmError } from "../errors.ts";
import { removeIfThere } from "../host/files.ts";
import type { Libc } from "../host/libc.ts";
import { identifyProcess } from "../host/process_identity.ts";
import { sleep } from "../host/sleep.ts";
import { checkVirtualization } from "../host/virtualization.ts";
import { waitsForNetwork } from "../krun/features.ts";
import { initLog, startVm, type VmConfig } from "../krun/vm.ts";
import { log } from "../log.ts";
import { AGENT_PORT } from "../protocol/constants.ts";
import { agentSocket, bootFolder, controlSocket, type RunnerSpec } from "../runner_interface/spec.ts";
import { removeEphemeralMachine } from "../state/ephemeral.ts";
import { createMachineFolder, createRuntimeFolder, diskFile, ephemeralFolders } from "../state/machine_folders.ts";
import { writeProcess } from "../state/machine_process.ts";
import { portsOf, readRecord, writeEphemeralRecord } from "../state/machine_record.ts";
import { hasName, lockMachine } from "../state/machines.ts";
import { claimName, generateId } from "../state/names.ts";
import { CREATED } from "../state/status.ts";
import { tidyVmFolder } from "../state/vm_folder.ts";
import { AGENT_PATH, type BootFolder } from "./boot_folder.ts";
import { confine, type Confinement } from "./confinement.ts";
import { ControlServer } from "./control_server.ts";
import { describeFailure, failedStatus } from "./failure.ts";
import type { Lifeline } from "./lifeline.ts";
import { configureGateway, gatewayReady, networkDevice } from "./network.ts";
import { PortForwarder } from "./port_forwarder.ts";
import { prepareBoot } from "./prepare_boot.ts";
import type { Prepared } from "./prepared.ts";
import { serveGuest, type StartReport } from "./serve_guest.ts";
import { StatusWriter } from "./status_writer.ts";
import { StopSignals } from "./stop_signals.ts";
import { registerWarmMachine } from "./warm_machine.ts";

/** How long the client of a failed machine may take to read the error, in ms. */
const ERROR_READ_MS = 5_000;

/** What the runner provides to the machine. */
export interface RunnerContext {
  lifeline: Lifeline;
  prepared: () => Prepared;
  report: StartReport;
}

/** Runs a machine: takes its lock, confines this process, runs the VM, writes the status and removes the files. */
export async function runMachine(spec: RunnerSpec, context: RunnerContext): Promise<void> {
  const { lifeline, report } = context;
  if (spec.warm !== null) nameWarmMachine(spec);
  // Hold the lock until the machine has ended: a machine whose lock is free does not run.
  using lock = new DisposableStack();
  using clients = new DisposableStack();
  const status = new StatusWriter(spec.folder, { ...CREATED, state: "starting" }, spec);
  try {
    await takeMachine(spec, lock);
  } catch (error) {
    // The machine belongs to another runner: leave it alone.
    report.failed(describeFailure(error, spec));
    return;
  }
  let isSupervised = false;
  try {
    const prepared = context.prepared();
    createRuntimeFolder(spec);
    configureGateway(spec);
    const confinement = confine(spec, prepared);
    isSupervised = confinement.isSupervised;
    await runVm(spec, status, { ...context, ...prepared, clients, confinement });
    if (!spec.ephemeral) await status.set({ state: status.current.state === "failed" ? "failed" : "stopped" });
  } catch (error) {
    const failure = describeFailure(error, spec);
    log("error", failure.message);
    // The disk may be full: report the failure to the client anyway.
    await status.set(failedStatus(failure)).catch((error) => log("error", messageOf(error)));
    report.failed(failure);
    // Clients read the status file once their connection closes.
    clients.dispose();
    if (spec.ephemeral && spec.warm === null) await Promise.race([lifeline.ended, sleep(ERROR_READ_MS)]);
  }
  if (!isSupervised) await removeMachineFiles(spec);
}

function nameWarmMachine(spec: RunnerSpec): void {
  spec.machine.id = generateId();
  Object.assign(spec, ephemeralFolders(spec.machine.id));
}

/** Takes the machine's lock, to be released by `lock`, and records this process as the machine's runner. */
async function takeMachine(spec: RunnerSpec, lock: DisposableStack): Promise<void> {
  const { ephemeral, folder, machine } = spec;
  const taken = ephemeral ? createMachineFolder(folder) : await lockMachine(folder);
  if (taken === undefined) throw new SmolvmError("machine-state", `Machine "${machine.name}" is running already`);
  lock.use(taken);
  // The previous lock holder may have changed the record: read it again.
  if (!ephemeral) {
    spec.machine = readRecord(folder);
    tidyVmFolder(folder);
  }
  const process = identifyProcess(Deno.pid);
  if (process) writeProcess(folder, process);
}

/** Removes the machine's files. Call it only when there is no supervisor to do it. */
async function removeMachineFiles(spec: RunnerSpec): Promise<void> {
  if (spec.ephemeral) await removeEphemeralMachine({ ...spec, ...spec.machine });
  else await removeIfThere(spec.runtimeFolder);
}

/**
 * Boots the VM, runs its command and shuts it down, or abandons it when the client that must keep it alive is gone.
 * Disposing of `clients` closes the connections of its clients.
 */
async function runVm(
  spec: RunnerSpec,
  status: StatusWriter,
  { libc, krun, lifeline, report, clients, confinement }: RunnerContext & Prepared & {
    clients: DisposableStack;
    confinement: Confinement;
  },
): Promise<void> {
  prepareProcess(libc, confinement);
  const openFiles = libc.raiseOpenFilesLimit();
  const boot = prepareBoot(libc, spec, confinement.root);
  using ports = await PortForwarder.listen(portsOf(spec.machine.ports, "tcp"));
  const agents = Deno.listen({ transport: "unix", path: agentSocket(spec) });
  const control = clients.use(new ControlServer(controlSocket(spec)));
  using signals = new StopSignals();
  // After this, the runner writes only in the VM's folder.
  await register(spec);
  const gateway = gatewayReady(libc, spec);
  if (!waitsForNetwork(krun)) await gateway;
  initLog(krun, confinement.messagesFd, spec.logLevel);
  confinement.enterJail();
  log("debug", "starting the VM");
  const vmFailed = startVm(krun, vmConfig(spec, boot, confinement));
  // Write the status while the guest boots.
  const commandDone = status.set({}).then(() => {
    const serving = { status, agents, control, ports, lifeline, report, confinement, signals, gateway };
    return serveGuest(spec, { ...boot, openFiles }, serving);
  });
  await Promise.race([commandDone, vmFailed, gateway.then(() => commandDone), ...(spec.held ? [lifeline.ended] : [])]);
}

/** Checks that this process can run a VM, and sends its standard error to the machine's log. */
function prepareProcess(libc: Libc, { messagesFd }: Confinement): void {
  // The client may not have had the permission to check this.
  checkVirtualization();
  // libkrun and Deno report fatal errors on standard error. They must not mix with the user's output.
  libc.dup2(messagesFd, 2);
}

/** Registers a warm machine, or an ephemeral machine and its name. A persistent machine is registered already. */
async function register(spec: RunnerSpec): Promise<void> {
  const { warm, ephemeral, folder, machine } = spec;
  if (warm !== null) return await registerWarmMachine(spec, warm);
  if (!ephemeral) return;
  writeEphemeralRecord(folder, machine);
  await claimName(machine, hasName);
}

function vmConfig(spec: RunnerSpec, { shares }: BootFolder, { consoleLog }: Confinement): VmConfig {
  const { cpus, memoryMib } = spec.machine;
  return {
    cpus,
    memoryMib,
    bootFolder: bootFolder(spec),
    agent: AGENT_PATH,
    shares,
    disk: { path: diskFile(spec.folder), durable: !spec.ephemeral },
    vsock: { port: AGENT_PORT, socket: agentSocket(spec) },
    net: networkDevice(spec),
    consoleLog,
  };
}
