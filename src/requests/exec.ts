import { SmolvmError } from "../errors.ts";
import type { AttachedCommand } from "../machine/attached.ts";
import { mergeEnvironment } from "../machine/command.ts";
import { Attachment, type ClientRequest, type CommandIo, isDisconnect, NO_STREAMS } from "../protocol/attachment.ts";
import { HOST_PAYLOAD_MAX } from "../protocol/constants.ts";
import { CONTROL } from "../protocol/control.ts";
import { encodeExec, type WindowSize } from "../protocol/messages.ts";
import { controlSocket, execOf } from "../runner_interface/spec.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { CONTROL_VERSION, controlVersionOf } from "../state/machine_process.ts";

/** A further command to run in a machine. Defaults come from the machine's own command. */
export interface StartExecOptions {
  argv: string[];
  /** `KEY=VALUE` each, in addition to those of the machine's command. */
  env?: string[];
  /** Working directory. */
  cwd?: string | undefined;
  /** `name|uid[:group|gid]` */
  user?: string | undefined;
  /** Size of the command's terminal; without it, the command has three pipes. */
  terminal?: WindowSize | undefined;
  /** Whether the command has an input; otherwise it reads `/dev/null`. */
  stdin?: boolean;
}

/**
 * Runs a command in a machine with the streams `io`. The command is killed when this process ends.
 *
 * @throws {SmolvmError} `machine-state` when the machine does not run; `usage` for a command too long.
 */
export async function startExec(
  machine: ReadableMachine,
  options: StartExecOptions,
  io: CommandIo,
): Promise<AttachedCommand> {
  return asCommand(machine, await dial(machine, io, execRequest(machine, CONTROL.EXEC, options)));
}

/**
 * Starts a command that continues without this process, with its output discarded. Settles when it runs.
 *
 * @throws {SmolvmError} like {@linkcode startExec}; also when the command cannot be started.
 */
export async function execInBackground(
  machine: ReadableMachine,
  options: Omit<StartExecOptions, "stdin">,
): Promise<void> {
  await using command = asCommand(
    machine,
    await dial(machine, NO_STREAMS, execRequest(machine, CONTROL.SPAWN, options)),
  );
  await Promise.race([command.attachment.started, command.finish()]);
}

/**
 * Attaches to the streams of a machine's own command, which continues after this process detaches.
 *
 * @throws {SmolvmError} `machine-state` when the machine does not run.
 */
export async function attachTo(machine: ReadableMachine, io: CommandIo): Promise<AttachedCommand> {
  return asCommand(machine, await dial(machine, io, { type: CONTROL.ATTACH }));
}

/**
 * Connects to the runner of a machine.
 *
 * @throws {SmolvmError} `machine-state` when there is no runner.
 */
export async function dial(machine: ReadableMachine, io: CommandIo, request: ClientRequest): Promise<Attachment> {
  requireRunning(machine);
  checkControlVersion(machine);
  try {
    return await Attachment.open(controlSocket(machine), io, request);
  } catch (error) {
    if (isDisconnect(error)) throw notRunning(machine);
    throw error;
  }
}

function asCommand(machine: ReadableMachine, attachment: Attachment): AttachedCommand {
  return {
    attachment,
    async finish() {
      const status = await attachment.finish();
      if (status) return status;
      throw new SmolvmError("guest", `Machine "${machine.record.name}" ended before the command`);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(attachment.close()),
  };
}

function execRequest(
  { record: { command } }: ReadableMachine,
  type: number,
  { argv, env = [], terminal, stdin = false, ...options }: StartExecOptions,
): ClientRequest {
  const [cwd, user] = [options.cwd ?? command.cwd, options.user ?? command.user];
  const merged = mergeEnvironment([...command.env, ...env]);
  const payload = encodeExec(execOf({ argv, env: merged, cwd, user }, { terminal: terminal ?? null, stdin }));
  if (payload.length <= HOST_PAYLOAD_MAX) return { type, payload };
  throw new SmolvmError("usage", `Cannot run a command of ${payload.length} bytes, its environment included`, {
    hint: `At most ${HOST_PAYLOAD_MAX} bytes fit.`,
  });
}

/**
 * Throws unless the machine's command runs.
 *
 * @throws {SmolvmError} `machine-state`.
 */
export function requireRunning(machine: ReadableMachine): void {
  if (machine.status.state !== "running") throw notRunning(machine);
}

/** Refuses a machine with a newer control protocol: machines keep running when smolvm is upgraded or downgraded. */
function checkControlVersion({ folder, record: { name } }: ReadableMachine): void {
  const version = controlVersionOf(folder);
  if (version <= CONTROL_VERSION) return;
  const message =
    `Machine "${name}" was started by a newer smolvm: it speaks version ${version}, not ${CONTROL_VERSION}`;
  throw new SmolvmError("machine-state", message, {
    hint: `Use that version, or restart the machine: smolvm restart ${name}`,
  });
}

/** The error for a request to a machine that does not run. */
export function notRunning({ record, status }: ReadableMachine): SmolvmError {
  const state = status.state === "running" ? "about to end" : status.state;
  return new SmolvmError("machine-state", `Machine "${record.name}" is not running: it is ${state}`, {
    hint: ["created", "stopped", "failed"].includes(state) ? `Start it: smolvm start ${record.name}` : undefined,
  });
}
