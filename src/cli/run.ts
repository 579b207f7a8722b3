import { Command, Option } from "@commander-js/extra-typings";
import { readConfig } from "../config/config.ts";
import { SmolvmError } from "../errors.ts";
import { EphemeralMachine, type ExitStatus } from "../machine/ephemeral.ts";
import { type MachineOptions, planLaunch } from "../machine/launch.ts";
import {
  collectEnv,
  collectEnvFile,
  collectVolume,
  parseBoolean,
  parseCpus,
  parseHostname,
  parseMemory,
  parseNameserver,
  parseSeconds,
  parseUser,
  parseWorkdir,
} from "./parse.ts";
import { FORWARDED, type ForwardedSignal, onResize, onSignals } from "./signals.ts";
import { rawTerminal, requireTerminal, stdinChunks, writeAll } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm run alpine echo hello
  smolvm run -it --net debian bash
  smolvm run -v ./src:/src:ro -w /src alpine ls
  smolvm run ./rootfs /bin/sh -c 'echo from a folder'`;

/** How many times INT or TERM must come to end a command that does not heed them. */
const FORCE_AFTER = 3;
/** The signals that end a machine whose command does not run yet. */
const ENDS_BOOT: readonly ForwardedSignal[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** `smolvm run`. */
export function runCommand(setExitCode: (code: number) => void) {
  return new Command("run")
    .description("Boot an image or a folder as a microVM, run a command in it, and remove it")
    .argument("<source>", "image reference or folder")
    .argument("[command...]", "command to run (default: the image's, else /bin/sh)")
    .option("--name <name>", "name of the machine (default: generated)")
    .option("-m, --memory <size>", "memory: MiB, or with a unit such as 512m or 1g (default: 512)", parseMemory)
    .option("-c, --cpus <count>", "virtual CPUs (default: 1)", parseCpus)
    .option("-w, --workdir <dir>", "working directory in the guest", parseWorkdir)
    .option("-e, --env <variable>", "set KEY=VALUE, or inherit KEY (repeatable)", collectEnv)
    .option("--env-file <file>", "read variables from a file (repeatable)", collectEnvFile)
    .option("-v, --volume <host:guest[:ro]>", "mount a folder of the host (repeatable)", collectVolume)
    .option("--net", "give the guest the host's network")
    .option("--dns <address>", "name server of the guest (needs --net)", parseNameserver)
    .option("-i, --interactive", "connect standard input")
    .option("-t, --tty", "run the command on a terminal")
    .option("-u, --user <user[:group]>", "user in the guest, by name or id", parseUser)
    .option("--entrypoint <program>", "replace the image's entrypoint")
    .option("--hostname <name>", "host name of the guest (default: the machine's name)", parseHostname)
    .addOption(
      new Option("--pull <policy>", "when to pull the image").choices(["always", "missing", "never"] as const)
        .default("missing" as const),
    )
    .option("--tls-verify <bool>", "demand a valid certificate of the registry", parseBoolean)
    .option("--rm", "remove the machine when it ends (always done)")
    .option("--timeout <seconds>", "kill the command after so long and exit with 124", parseSeconds)
    .option("-q, --quiet", "no progress of pulls")
    .passThroughOptions()
    .addHelpText("after", EXAMPLES)
    .action(async (source, command, options, self) => {
      const { quiet } = self.optsWithGlobals();
      const { net = false, interactive = false } = options;
      if (options.dns !== undefined && !net) {
        throw new SmolvmError("usage", "Cannot use --dns without --net: the guest has no network");
      }
      const tty = options.tty ? requireTerminal({ interactive }) : undefined;
      const config = await readConfig();
      setExitCode(
        await run({
          source,
          command,
          name: options.name,
          cpus: options.cpus ?? config.defaultCpus ?? 1,
          memoryMib: options.memory ?? config.defaultMem ?? 512,
          workdir: options.workdir,
          env: [...options.envFile ?? [], ...options.env ?? []],
          volumes: options.volume ?? [],
          net,
          dns: options.dns ?? config.defaultDns,
          user: options.user,
          entrypoint: options.entrypoint,
          hostname: options.hostname,
          pull: options.pull,
          tlsVerify: options.tlsVerify,
          onPullProgress: quiet ? undefined : (chunk) => Deno.stderr.writeSync(chunk),
          tty,
          stdin: interactive,
          bootTimeoutMs: bootTimeoutMs(),
        }, options.timeout),
      );
    });
}

/** `SMOLVM_BOOT_TIMEOUT`: how long a guest may take to boot, in seconds. */
function bootTimeoutMs(): number {
  const value = Deno.env.get("SMOLVM_BOOT_TIMEOUT") ?? "60";
  if (/^\d+(\.\d+)?$/.test(value) && Number(value) > 0 && Number(value) <= 86_400) return Number(value) * 1000;
  throw new SmolvmError("usage", `Cannot use SMOLVM_BOOT_TIMEOUT="${value}": expected seconds from above 0 to 86400`);
}

/** Runs a machine with this process's streams and signals; returns the exit code. */
async function run(options: MachineOptions, timeoutS: number | undefined): Promise<number> {
  const launch = await planLaunch(options);
  await using machine = await EphemeralMachine.start(launch, {
    stdin: options.stdin ? stdinChunks() : undefined,
    stdout: (data) => writeAll(Deno.stdout, data),
    stderr: (data) => writeAll(Deno.stderr, data),
  });
  const { attachment } = machine;
  using whileRunning = new DisposableStack();
  const end = Promise.withResolvers<ExitStatus>();
  let running = false;
  let insisted = 0;
  whileRunning.use(onSignals((signal) => {
    if (running) attachment.signal(FORWARDED[signal]);
    if (signal === "SIGINT" || signal === "SIGTERM") insisted++;
    if (running ? insisted === FORCE_AFTER : ENDS_BOOT.includes(signal)) end.resolve({ signal: FORWARDED[signal] });
  }));
  attachment.started.then(() => {
    // The user ended it while it booted, and it is on its way out.
    if (whileRunning.disposed) return;
    running = true;
    if (options.tty) {
      // A command that reads no keys is interrupted as any other is: by the signal that the terminal makes of Ctrl-C.
      if (options.stdin) whileRunning.use(rawTerminal());
      whileRunning.use(onResize(() => attachment.resize(Deno.consoleSize())));
    }
    if (timeoutS === undefined) return;
    const late = new SmolvmError("timeout", `The command ran longer than ${timeoutS} s`);
    const timer = setTimeout(() => end.reject(late), timeoutS * 1000);
    whileRunning.defer(() => clearTimeout(timer));
  });
  // Whichever comes first: leaving this scope ends the machine if it still runs.
  const status = await Promise.race([machine.finish(), end.promise]);
  return status.signal === undefined ? status.code : 128 + status.signal;
}
