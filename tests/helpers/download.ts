import { bundle } from "../../scripts/bundle.ts";
import { libFolder } from "../../src/host/lib_folder.ts";

/** Makes a folder like the unpacked download from the checkout's sources; returns the path of its `smolvm`. */
export async function makeDownload(folder: string): Promise<string> {
  const portable = `${folder}/lib/portable`;
  Deno.mkdirSync(portable, { recursive: true });
  for (const { name } of Deno.readDirSync(libFolder())) {
    Deno.symlinkSync(`${libFolder()}/${name}`, `${folder}/lib/${name}`);
  }
  await bundle(portable);
  Deno.symlinkSync(Deno.realPathSync(Deno.execPath()), `${portable}/deno`);
  const launcher = new URL("../../scripts/portable_launcher", import.meta.url);
  Deno.copyFileSync(launcher, `${folder}/smolvm`);
  return `${folder}/smolvm`;
}
