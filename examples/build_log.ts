/**
 * Builds a folder in a VM and streams the log. Prints each line as it arrives, with the seconds since the start and its
 * stream, and exits with the build's exit code. The build can read and write the folder, and has no network.
 *
 *     deno run --allow-env --allow-net --allow-read --allow-write --allow-sys=uid \
 *       --allow-run=lib/smolvm-jail-x64,sh,setpriv,buildah examples/build_log.ts [FOLDER [COMMAND [IMAGE]]]
 *
 * COMMAND is a command line for the guest's shell. The defaults are the current folder, `make` and `gcc`.
 *
 * @module
 */

import { Machine, type OutputChunk } from "../src/mod.ts";

const [folder = ".", command = "make", image = "gcc"] = Deno.args;

const build = Machine.run(image, command, {
  volumes: [{ source: folder, target: "/src" }],
  workdir: "/src",
  memoryMib: 1024,
});
await build.started;
const started = performance.now();
for await (const { stream, line } of lines(build)) {
  const seconds = (performance.now() - started) / 1000;
  console.log(`${seconds.toFixed(2).padStart(8)} ${stream} ${line}`);
}
Deno.exitCode = (await build.status).code;

/** Splits the chunks of both streams into whole lines. */
async function* lines(output: AsyncIterable<OutputChunk>): AsyncGenerator<{ stream: string; line: string }> {
  const begun = { stdout: "", stderr: "" };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  for await (const { stream, data } of output) {
    const [first, ...rest] = decoders[stream].decode(data, { stream: true }).split("\n");
    begun[stream] += first;
    for (const next of rest) {
      yield { stream, line: begun[stream] };
      begun[stream] = next;
    }
  }
  for (const stream of ["stdout", "stderr"] as const) {
    if (begun[stream] !== "") yield { stream, line: begun[stream] };
  }
}
