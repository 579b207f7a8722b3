import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CONFIG_KEYS } from "../../config/keys.ts";
import { LOG_LEVELS } from "../../log.ts";
import { isLive, isReadable, listMachines, type Machine } from "../../machine/find.ts";
import { SIGNALS } from "../../machine/signal.ts";
import { STATES } from "../../state/machine_state.ts";
import { type Expected, expectedAt } from "./expected.ts";

/** A word that a shell may put at the cursor. */
export interface Candidate {
  value: string;
  /** What shells that can show it show beside the word. */
  description?: string;
}

/** What a shell offers. */
export interface Candidates {
  candidates: Candidate[];
  /** Whether it offers files as well. */
  files: boolean;
}

/** Commands that only machines that run are for, and those for the others. */
const FOR_LIVE = ["attach", "cp", "exec", "kill", "shell", "stats", "stop", "top", "wait"];
const FOR_IDLE = ["start", "update"];

/** What arguments are by their names in a command's usage, and options by those of their values. */
const ARGUMENTS: Record<string, (command: CommandUnknownOpts) => Candidate[] | Promise<Candidate[]>> = {
  name: (command) => machines(command.name()),
  image: images,
  source: images,
  key: () => Object.values(CONFIG_KEYS).map(({ name, meaning }) => ({ value: name, description: meaning })),
};
const VALUES: Record<string, () => readonly string[]> = {
  bool: () => ["true", "false"],
  level: () => LOG_LEVELS,
  signal: () => SIGNALS,
  "key=value": () => STATES.map((state) => `state=${state}`),
};
/** The names of values that are, or begin with, paths of the host; arguments are unless something else is known. */
const FILES = /^(file|host)\b/;
/** Arguments that nobody can guess: those that the guest knows about, and those that are made up. */
const UNKNOWN = ["command", "value", "new", "port"];

/** What the last of the words, which may be empty, can become. */
export async function complete(program: CommandUnknownOpts, words: readonly string[]): Promise<Candidates> {
  const current = words.at(-1) ?? "";
  const { candidates, files } = await candidatesFor(expectedAt(program, words.slice(0, -1), current), current);
  return { candidates: candidates.filter(({ value }) => value.startsWith(current)), files };
}

function candidatesFor(expected: Expected, current: string): Candidates | Promise<Candidates> {
  switch (expected.kind) {
    case "command":
      return { candidates: commandsOf(expected.command), files: false };
    case "option":
      return { candidates: optionsOf(expected.command), files: false };
    case "value":
      return valuesOf(expected, current);
    case "argument":
      return expected.command.name() === "cp" ? copyEnds(current) : argumentsOf(expected);
    case "nothing":
      return { candidates: [], files: false };
  }
}

function valuesOf(
  { option: { argChoices, flags }, prefix }: Expected & { kind: "value" },
  current: string,
): Candidates {
  const name = /<(.*)>/.exec(flags)?.[1] ?? "";
  const values = argChoices ?? VALUES[name]?.() ?? [];
  const candidates = values.map((value) => ({ value: `${prefix}${value}` }));
  return { candidates, files: FILES.test(name) && isHostPath(current) };
}

async function argumentsOf({ argument, command, before }: Expected & { kind: "argument" }): Promise<Candidates> {
  const { argChoices } = argument;
  if (argChoices) return { candidates: argChoices.map((value) => ({ value })), files: false };
  const name = argument.name();
  const known = await ARGUMENTS[name]?.(command) ?? [];
  const candidates = known.filter(({ value }) => !before.includes(value));
  // A source may be a folder.
  return { candidates, files: name === "source" || !(name in ARGUMENTS || UNKNOWN.includes(name)) };
}

/** A file here, or in a machine: NAME:PATH. */
function copyEnds(current: string): Candidates {
  const candidates = machines("cp").map(({ value, ...machine }) => ({ ...machine, value: `${value}:` }));
  return { candidates, files: isHostPath(current) };
}

/** What follows a colon is the guest's. */
function isHostPath(current: string): boolean {
  return !current.includes(":");
}

function commandsOf(command: CommandUnknownOpts): Candidate[] {
  const commands = command.createHelp().visibleCommands(command);
  return commands.map((command) => ({ value: command.name(), description: command.description() }));
}

function optionsOf(command: CommandUnknownOpts): Candidate[] {
  const options = command.createHelp().visibleOptions(command);
  return options.map(({ long, short, description }) => ({ value: long ?? short ?? "", description }));
}

function machines(command: string): Candidate[] {
  const wanted = ({ status }: Machine) =>
    FOR_LIVE.includes(command) ? isLive(status.state) : !(FOR_IDLE.includes(command) && isLive(status.state));
  return listMachines().filter(isReadable).filter(wanted).map(({ record: { name, source }, status }) => ({
    value: name,
    description: `${status.state}, ${"folder" in source ? source.folder : source.image.reference}`,
  }));
}

/** Images that machines were made of or that were pulled, by the shortest names that mean them. */
async function images(): Promise<Candidate[]> {
  const [{ imagesFolder }, { listRecords }] = await Promise.all([
    import("../../image/files.ts"),
    import("../../image/record.ts"),
  ]);
  const references = (await listRecords(imagesFolder())).map(({ record }) => record.reference);
  return [...new Set(references)].sort().map((reference) => ({
    value: reference.replace(/^docker\.io\/(library\/)?/, "").replace(/:latest$/, ""),
    description: reference,
  }));
}
