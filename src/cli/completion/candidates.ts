import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { CONFIG_KEYS } from "../../config/keys.ts";
import { LOG_LEVELS } from "../../log.ts";
import { isLive, isReadable, listMachines, type ReadableMachine } from "../../machine/find.ts";
import { SIGNALS } from "../../host/signal.ts";
import { LISTED_STATES, type MachineState } from "../../state/machine_state.ts";
import { type Expected, expectedAt } from "./expected.ts";
import { type Kind, kindOf } from "./kind.ts";

/** A word that a shell may insert at the cursor. */
export interface Candidate {
  value: string;
  /** A description, for shells that can show one. */
  description?: string;
}

/** The candidates for a word. */
export interface Candidates {
  candidates: Candidate[];
  /** Whether the shell should offer files as well. */
  files: boolean;
}

/** The known values of each kind. Other kinds have values that only the guest knows, or that the user makes up. */
const KNOWN: Partial<Record<Kind, () => Candidate[] | Promise<Candidate[]>>> = {
  "machine": () => machines(() => true),
  "live machine": () => machines(isLive),
  "idle machine": () => machines((state) => !isLive(state)),
  "image": images,
  "network": networks,
  "source": images,
  // Paths in the machine are known only to the guest.
  "copy path": () => machines(isLive).map(({ value, ...machine }) => ({ ...machine, value: `${value}:` })),
  "config key": () => Object.values(CONFIG_KEYS).map(({ name, meaning }) => ({ value: name, description: meaning })),
  "boolean": () => toCandidates(["true", "false"]),
  "log level": () => toCandidates(LOG_LEVELS),
  "signal": () => toCandidates(SIGNALS),
  "machine filter": () => toCandidates(LISTED_STATES.map((state) => `state=${state}`)),
};
/** The kinds that are, or start with, a path of the host; a colon starts a path of the guest. */
const PATHS: readonly (Kind | undefined)[] = ["source", "copy path", "file"];

/** Returns the completions of the last word, which may be empty. */
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
      return candidatesOf(expected.option, expected.prefix, current);
    case "argument":
      return argumentsOf(expected, current);
    case "nothing":
      return { candidates: [], files: false };
  }
}

async function argumentsOf(
  { argument, before }: Expected & { kind: "argument" },
  current: string,
): Promise<Candidates> {
  const { candidates, files } = await candidatesOf(argument, "", current);
  return { candidates: candidates.filter(({ value }) => !before.includes(value)), files };
}

async function candidatesOf(part: Argument | Option, prefix: string, current: string): Promise<Candidates> {
  const kind = kindOf(part);
  const known = part.argChoices ? toCandidates(part.argChoices) : kind && await KNOWN[kind]?.() || [];
  const candidates = known.map(({ value, ...candidate }) => ({ ...candidate, value: `${prefix}${value}` }));
  return { candidates, files: PATHS.includes(kind) && (kind === "source" || !current.includes(":")) };
}

function toCandidates(values: readonly string[]): Candidate[] {
  return values.map((value) => ({ value }));
}

function commandsOf(command: CommandUnknownOpts): Candidate[] {
  const commands = command.createHelp().visibleCommands(command);
  return commands.map((command) => ({ value: command.name(), description: command.description() }));
}

function optionsOf(command: CommandUnknownOpts): Candidate[] {
  const options = command.createHelp().visibleOptions(command);
  return options.map(({ long, short, description }) => ({ value: long ?? short ?? "", description }));
}

function machines(isWanted: (state: MachineState) => boolean): Candidate[] {
  const wanted = ({ status }: ReadableMachine) => isWanted(status.state);
  return listMachines().filter(isReadable).filter(wanted).map(({ record: { name, source }, status }) => ({
    value: name,
    description: `${status.state}, ${"folder" in source ? source.folder : source.image.reference}`,
  }));
}

/** Returns images that were pulled or used by machines, by their shortest names. */
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

async function networks(): Promise<Candidate[]> {
  const { listNetworks } = await import("../../machine/networks.ts");
  return listNetworks().map(({ name, machines }) => ({ value: name, description: machines.join(", ") }));
}
