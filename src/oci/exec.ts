import { SmolvmError } from "../errors.ts";
import { engineBundle, layout, outerProcess } from "./bundle.ts";
import { optionName, optionValue, optionValues, type RuntimeCall, withOption } from "./command_line.ts";
import { type OciProcess, readOciConfig, readOciProcess } from "./config.ts";
import { refuseDescriptors } from "./create.ts";
import { checkCommand } from "./lookup.ts";
import { containedProgram } from "./program.ts";
import { bundleOf, callOtherRuntime } from "./runtime.ts";
import { EXEC_VARIABLE } from "./spec.ts";

/** Options that describe the command when there is no `--process` file. */
const DESCRIBING = ["--additional-gids", "--cwd", "--env", "--tty", "--user"];
/** Options for the relay process, which lends its streams to the command. */
const PASSED = ["--console-socket", "--detach", "--ignore-paused", "--no-subreaper", "--pid-file", "--preserve-fds"];

/** `exec`: the other runtime starts a relay in the container, which asks the VM's process to run the command. */
export async function exec(call: RuntimeCall): Promise<number> {
  refuseDescriptors(call);
  const bundle = engineBundle(await bundleOf(call));
  // The container that holds a pod's namespaces has no VM.
  if (bundle === undefined) return await callOtherRuntime(call);
  const config = readOciConfig(bundle);
  const file = optionValue(call.options, "--process");
  const process = file === undefined ? describedProcess(call, config.process) : readOciProcess(file);
  checkCommand(layout(bundle, config).tree, process);
  const outer = outerProcess(process, containedProgram(), "relay");
  const rewritten = Deno.makeTempFileSync({ prefix: "smolvm-oci-", suffix: ".json" });
  try {
    outer.env!.push(`${EXEC_VARIABLE}=${JSON.stringify(process)}`);
    Deno.writeTextFileSync(rewritten, JSON.stringify(outer));
    const options = call.options.filter((option) => !DESCRIBING.includes(optionName(option)));
    return await callOtherRuntime({
      ...call,
      options: withOption(options, "--process", rewritten),
      operands: call.operands.slice(0, 1),
    });
  } finally {
    Deno.removeSync(rewritten);
  }
}

/** The process that the command line describes; anything else is as in the container's own process. */
function describedProcess({ options, operands }: RuntimeCall, own: OciProcess): OciProcess {
  const unknown = options.map(optionName).find((name) => ![...DESCRIBING, ...PASSED].includes(name));
  if (unknown !== undefined) {
    throw new SmolvmError("usage", `Cannot run a command with the option "${unknown}": describe it by --process`);
  }
  const args = operands.slice(1);
  if (args.length === 0) throw new SmolvmError("usage", "Cannot run a command: expected --process or the command");
  const ids = optionValue(options, "--user");
  const [uid, gid = 0] = (ids ?? "").split(":").map(Number);
  if (ids !== undefined && !/^\d+(:\d+)?$/.test(ids)) {
    throw new SmolvmError("usage", `Cannot run a command as the user "${ids}": UID or UID:GID is expected`);
  }
  const groups = optionValues(options, "--additional-gids").flatMap((list) => list.split(","));
  const badGroup = groups.find((group) => !/^\d+$/.test(group));
  if (badGroup !== undefined) {
    throw new SmolvmError("usage", `Cannot run a command in the group "${badGroup}": GID is expected`);
  }
  const user = ids === undefined ? own.user : { ...own.user, uid: uid!, gid };
  return {
    ...own,
    args,
    cwd: optionValue(options, "--cwd") ?? own.cwd,
    env: [...own.env ?? [], ...optionValues(options, "--env")],
    terminal: options.includes("--tty"),
    user: { ...user, additionalGids: [...user?.additionalGids ?? [], ...groups.map(Number)] },
  };
}
