import { Command, Option } from "@commander-js/extra-typings";
import type { ListedImage } from "../mod.ts";
import { formatAge } from "./output/age.ts";
import { printLine } from "./output/print.ts";
import { formatSize } from "../size.ts";
import { formatTable } from "./output/table.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
PREPARED images have their root filesystem ready. Machines start a little more
slowly from other images.

Examples:
  smolvm images
  smolvm images --format json
  smolvm rmi $(smolvm images -q)`;

/** Shown for a missing name or tag. */
const NONE = "<none>";

/** `smolvm images`. */
export function imagesCommand() {
  return new Command("images")
    .summary("List images")
    .description("List images, newest first")
    .option("-q, --quiet", "print only IDs")
    .addOption(
      new Option("--format <format>", "output format").choices(["table", "json"] as const).conflicts("quiet"),
    )
    .addHelpText("after", EXAMPLES)
    .action(async ({ format, quiet = false }) => {
      const { Images } = await import("../mod.ts");
      const images = await Images.list();
      if (format === "json") {
        printLine(JSON.stringify(images.map(imageJson), undefined, 2));
      } else if (quiet) {
        for (const { imageId } of images) printLine(shortId(imageId));
      } else {
        printTable(images);
      }
    });
}

/** The JSON output for an image. */
export function imageJson({ imageId: id, ...image }: ListedImage): object {
  return { id, ...image };
}

/** The start of an ID, as tables show it. */
function shortId(imageId: string): string {
  return imageId.slice(0, 12);
}

function printTable(images: ListedImage[]): void {
  const header = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "PREPARED"];
  const rows = images.flatMap((image) => {
    const rest = [
      shortId(image.imageId),
      `${formatAge(image.created)} ago`,
      formatSize(image.sizeBytes),
      image.prepared ? "yes" : "-",
    ];
    const names = image.names.length > 0 ? image.names.map(splitName) : [[image.origin ?? NONE, NONE]];
    return names.map((name) => [...name, ...rest]);
  });
  printLine(formatTable([header, ...rows], columnsOf(Deno.stdout)));
}

/** Splits a full name into repository and tag; a name with a digest has no tag. */
function splitName(name: string): string[] {
  const [, repository = name, tag = NONE] = /^(.*?)(?::([^:/@]+))?(?:@.*)?$/.exec(name) ?? [];
  return [repository, tag];
}
