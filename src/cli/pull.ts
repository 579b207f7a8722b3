import { Command } from "@commander-js/extra-typings";
import { argument, option } from "./completion/kind.ts";
import { printLine, writeError } from "./output/print.ts";
import { parseBoolean } from "./parse.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
smolvm uses the registries and credentials of buildah, including credentials
saved by "buildah login", "podman login" and "docker login".

Examples:
  smolvm pull alpine
  smolvm pull -q debian:12 localhost:5000/app
  smolvm pull oci-archive:app.tar`;

/** `smolvm pull`. */
export function pullCommand(setExitCode: (code: number) => void) {
  return new Command("pull")
    .summary("Pull images and prepare them for boot")
    .description("Pull images, even if they are already stored, and prepare them for boot")
    .addArgument(argument("image", "<image...>", "image references"))
    .addOption(
      option("boolean", "--tls-verify <bool>", "require a valid TLS certificate from the registry").argParser(
        parseBoolean,
      ),
    )
    .option("-q, --quiet", "do not show progress")
    .addHelpText("after", EXAMPLES)
    .action(async (images, { tlsVerify }, self) => {
      const { Images } = await import("../mod.ts");
      const { parseReference } = await import("../image/reference.ts");
      const { quiet } = self.optsWithGlobals();
      const onProgress = quiet ? undefined : writeError;
      // Check all references before pulling the first.
      for (const image of images) parseReference(image);
      setExitCode(
        await forEachTarget([...new Set(images)], async (image) => {
          printLine(await Images.pull(image, { tlsVerify, onProgress }));
        }),
      );
    });
}
