import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** Creates a command of `program`. When the command runs, it calls `setExitCode` unless its exit code is 0. */
export type MakeCommand = (setExitCode: (code: number) => void, program: CommandUnknownOpts) => CommandUnknownOpts;

/** The commands by name and aliases, grouped by the headings of the overview. Each is loaded on demand. */
export const COMMANDS: Record<string, Record<string, () => Promise<MakeCommand>>> = {
  "Machines:": {
    run: async () => (await import("./run.ts")).runCommand,
    create: async () => (await import("./create.ts")).createCommand,
    start: async () => (await import("./start.ts")).startCommand,
    stop: async () => (await import("./stop.ts")).stopCommand,
    restart: async () => (await import("./restart.ts")).restartCommand,
    kill: async () => (await import("./kill.ts")).killCommand,
    wait: async () => (await import("./wait.ts")).waitCommand,
    warm: async () => (await import("./warm.ts")).warmCommand,
    "list ls ps": async () => (await import("./list.ts")).listCommand,
    rename: async () => (await import("./rename.ts")).renameCommand,
    update: async () => (await import("./update.ts")).updateCommand,
    "delete rm": async () => (await import("./delete.ts")).deleteCommand,
  },
  "Running machines:": {
    exec: async () => (await import("./exec.ts")).execCommand,
    "shell sh": async () => (await import("./shell.ts")).shellCommand,
    attach: async () => (await import("./attach.ts")).attachCommand,
    cp: async () => (await import("./cp.ts")).cpCommand,
    logs: async () => (await import("./logs.ts")).logsCommand,
    stats: async () => (await import("./stats.ts")).statsCommand,
    top: async () => (await import("./top.ts")).topCommand,
    port: async () => (await import("./port.ts")).portCommand,
  },
  "Networks:": {
    network: async () => (await import("./network.ts")).networkCommand,
  },
  "Images:": {
    pull: async () => (await import("./pull.ts")).pullCommand,
    images: async () => (await import("./images.ts")).imagesCommand,
    rmi: async () => (await import("./rmi.ts")).rmiCommand,
  },
  "Maintenance:": {
    inspect: async () => (await import("./inspect.ts")).inspectCommand,
    prune: async () => (await import("./prune.ts")).pruneCommand,
    system: async () => {
      const { systemCommand } = await import("./system.ts");
      return (_, program) => systemCommand(program);
    },
    doctor: async () => (await import("./doctor.ts")).doctorCommand,
    config: async () => {
      const { configCommand } = await import("./config.ts");
      return (_, program) => configCommand(program);
    },
    completion: async () => (await import("./completion.ts")).completionCommand,
  },
};
