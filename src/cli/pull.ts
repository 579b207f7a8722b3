import { Command } from "@commander-js/extra-typings";
import { argument, option } from "./completion/kind.ts";
import { printLine, writeError } from "./output/print.ts";
import { parseBoolean } from "./parse.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Registries and their credentials are buildah's: those of "buildah login",
"podman login" and "docker login" all count.

Examples:
  smolvm pull alpine
  smolvm pull -q debian:12 localhost:5000/app
  smolvm pull oci-archive:app.tar`;

/** `smolvm pull`. */
export function pullCommand(setExitCode: (code: number) => void) {
  return new Command("pull")
    .summary("Pull images and make them ready to boot")
    .description("Pull images, whether they are here or not, and make them ready to boot")
    .addArgument(argument("image", "<image...>", "image references"))
    .addOption(
      option("boolean", "--tls-verify <bool>", "demand a valid certificate of the registry").argParser(parseBoolean),
    )
    .option("-q, --quiet", "no progress")
    .addHelpText("after", EXAMPLES)
    .action(async (images, { tlsVerify }, self) => {
      const { Images } = await import("../mod.ts");
      const { parseReference } = await import("../image/reference.ts");
      const { quiet } = self.optsWithGlobals();
      const onProgress = quiet ? undefined : writeError;
      // All of them before the first is pulled.
      for (const image of images) parseReference(image);
      setExitCode(
        await forEachTarget([...new Set(images)], async (image) => {
          printLine(await Images.pull(image, { tlsVerify, onProgress }));
        }),
      );
    });
}
