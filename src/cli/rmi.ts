import { Command } from "@commander-js/extra-typings";
import { argument } from "./completion/kind.ts";
import { printLine } from "./output/print.ts";
import { forEachTarget, ignoreMissing } from "./targets.ts";

const EXAMPLES = `
An image that a running machine uses is never removed. After --force, stopped
machines keep their disks, but cannot start until the image is back.

Examples:
  smolvm rmi alpine
  smolvm rmi --force $(smolvm images -q)`;

/** `smolvm rmi`. */
export function rmiCommand(setExitCode: (code: number) => void) {
  return new Command("rmi")
    .summary("Remove images")
    .description("Remove images, or only a name of an image that has several")
    .addArgument(argument("image", "<image...>", "images, by name or ID prefix"))
    .option("-f, --force", "remove images with several names or used by stopped machines; ignore missing images")
    .addHelpText("after", EXAMPLES)
    .action(async (images, { force = false }) => {
      const { Images } = await import("../mod.ts");
      setExitCode(
        await forEachTarget([...new Set(images)], (image) =>
          ignoreMissing({ force, code: "no-image" }, async () => {
            const { untagged, deleted } = await Images.remove(image, { force });
            for (const name of untagged) printLine(`Untagged: ${name}`);
            for (const imageId of deleted) printLine(`Deleted: sha256:${imageId}`);
          })),
      );
    });
}
