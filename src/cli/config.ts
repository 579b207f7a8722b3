import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "./invalid_argument.ts";
import {
  type Config,
  CONFIG_KEYS,
  type ConfigKey,
  type ConfigValue,
  type ConfigValueType,
  fieldOf,
} from "../config/keys.ts";
import { toToml } from "../config/lines.ts";
import { SmolvmError } from "../errors.ts";
import { folders } from "../host/folders.ts";
import { argument } from "./completion/kind.ts";
import { printLine } from "./output/print.ts";
import { parseMemory } from "./parse.ts";

const EXAMPLES = `
Examples:
  smolvm config show
  smolvm config get default_mem
  smolvm config set default_mem 2g
  $EDITOR "$(smolvm config path)"`;

const SHOW_EXAMPLES = `
Examples:
  smolvm config show`;

const GET_EXAMPLES = `
Examples:
  smolvm config get default_mem`;

const PATH_EXAMPLES = `
Examples:
  smolvm config path
  $EDITOR "$(smolvm config path)"`;

const SET_EXAMPLES = `
Comments and other lines of the file stay unchanged.

Examples:
  smolvm config set default_cpus 4
  smolvm config set default_mem 2g
  smolvm config set default_dns 9.9.9.9`;

/** Parsers of `config set` arguments by value kind; they accept the same forms as the options of `run`. */
const PARSERS: Record<ConfigValueType["kind"], (text: string) => ConfigValue> = {
  integer: (text) => /^\d+$/.test(text) ? Number(text) : NaN,
  mib: parseMemory,
  boolean: (text) => text === "true" || text === "false" ? text === "true" : text,
  text: (text) => text,
};

/** `smolvm config`; `program` is its parent command. */
export function configCommand(program: CommandUnknownOpts) {
  // Copy the settings before adding subcommands, which copy them from this command.
  const config = new Command("config")
    .copyInheritedSettings(program)
    .summary("Show or change the defaults for machines")
    .description("Show or change the configuration, such as the defaults for machines")
    .addHelpText("after", `${describeKeys()}\n${EXAMPLES}`);
  config.command("show")
    .description("Print all keys with their effective values, as TOML")
    .addHelpText("after", SHOW_EXAMPLES)
    .action(async () => {
      const { readConfig } = await import("../config/config.ts");
      printLine(formatConfig(await readConfig()));
    });
  config.command("get")
    .description("Print the effective value of a key")
    .addArgument(argument("config key", "<key>", "one of the keys below"))
    .addHelpText("after", `${describeKeys()}\n${GET_EXAMPLES}`)
    .action(async (name) => {
      const field = fieldOf(name);
      const { readConfig } = await import("../config/config.ts");
      const value = (await readConfig())[field];
      if (value === undefined) throw new SmolvmError("config", `Cannot get ${name}: it is not set`);
      printLine(`${value}`);
    });
  config.command("set")
    .description("Set a key in the configuration file, which is created if missing")
    .addArgument(argument("config key", "<key>", "one of the keys below"))
    .argument("<value>", "new value; sizes may have a unit such as 512m or 1g")
    .addHelpText("after", `${describeKeys()}\n${SET_EXAMPLES}`)
    .action(async (name, value) => {
      const field = fieldOf(name);
      const { setConfig } = await import("../config/config.ts");
      await setConfig(field, parseValue(CONFIG_KEYS[field], value));
    });
  config.command("path")
    .description("Print the path of the configuration file")
    .addHelpText("after", PATH_EXAMPLES)
    .action(() => printLine(folders().configFile));
  return config;
}

/** Describes the keys, for the end of a help text. */
function describeKeys(): string {
  const keys = Object.values(CONFIG_KEYS);
  const lines = keys.map(({ name, type, fallback, meaning }) =>
    // No default is shown for undefined, false and 0.
    `  ${name}: ${meaning}, ${type.expected}${fallback ? ` (default: ${fallback})` : ""}`
  );
  return ["", "Keys:", ...lines].join("\n");
}

/** Formats each key as a line of the file; a key without a value becomes a comment. */
function formatConfig(config: Config): string {
  return Object.entries(CONFIG_KEYS).map(([field, { name, meaning }]) => {
    const value = config[field as keyof Config];
    return value === undefined ? `# ${name} is not set: ${meaning}` : `${name} = ${toToml(value)}  # ${meaning}`;
  }).join("\n");
}

function parseValue({ name, type }: ConfigKey, text: string): ConfigValue {
  try {
    const value = PARSERS[type.kind](text);
    if (type.accepts(value)) return value;
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
  }
  throw new SmolvmError("usage", `Cannot set ${name} to "${text}": expected ${type.expected}`);
}
