import { Command, Option } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { argument } from "./completion/kind.ts";
import { imageJson } from "./images.ts";
import { machineJson } from "./list.ts";
import { printLine } from "./output/print.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Each name is looked up as a machine first, then as an image.

Examples:
  smolvm inspect web
  smolvm inspect --type image alpine`;

/** Return the JSON details of a machine or an image; if it is missing, throw `no-machine` or `no-image`. */
const KINDS = {
  machine: async (name: string): Promise<unknown> => {
    const [{ findMachine }, { machineDetails }, { infoOf }] = await Promise.all([
      import("../machine/find.ts"),
      import("../machine/inspect.ts"),
      import("../runtime/machine_info.ts"),
    ]);
    const machine = findMachine(name);
    return { ...machineJson(infoOf(machine)), ...await machineDetails(machine) };
  },
  image: async (name: string): Promise<unknown> => {
    const [{ openStore }, { inspectImage }] = await Promise.all([
      import("../image/store.ts"),
      import("../image/inspect.ts"),
    ]);
    return imageJson(await inspectImage(name, await openStore()));
  },
};

/** `smolvm inspect`. */
export function inspectCommand(setExitCode: (code: number) => void) {
  return new Command("inspect")
    .summary("Print details of machines and images as JSON")
    .description("Print details of machines and images as a JSON array")
    .addArgument(argument("machine", "<name...>", "machines and images, by name or ID prefix"))
    .addOption(
      new Option("--type <type>", "look up only machines, or only images").choices(["machine", "image"] as const),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (names, { type }) => {
      const inspect = type === undefined ? inspectEither : KINDS[type];
      const found: unknown[] = [];
      setExitCode(await forEachTarget(names, async (name) => void found.push(await inspect(name))));
      printLine(JSON.stringify(found, undefined, 2));
    });
}

async function inspectEither(name: string): Promise<unknown> {
  try {
    return await KINDS.machine(name);
  } catch (error) {
    if (!(error instanceof SmolvmError && error.code === "no-machine")) throw error;
    try {
      return await KINDS.image(name);
    } catch (imageError) {
      // An invalid reference names no image (`source`), and without buildah (`dependency`) there are no images.
      const codes = ["no-image", "source", "dependency"];
      const absent = imageError instanceof SmolvmError && codes.includes(imageError.code);
      if (!absent) throw imageError;
      throw new SmolvmError("no-machine", `No such machine or image: "${name}"`, { hint: error.hint });
    }
  }
}
