/**
 * Runs untrusted code in its own VM, as the user nobody, without a network, with a deadline and with limits on memory,
 * disk and output. The VM and its files are removed afterwards. Prints the code's output and how it ended. Exits with
 * the exit code of the code, with 124 after the deadline, or with 125 after too much output.
 *
 *     deno run --allow-env --allow-net --allow-read --allow-write --allow-sys=uid \
 *       --allow-run=lib/smolvm-jail-x64,sh,setpriv,buildah \
 *       examples/untrusted_code.ts [FILE [SECONDS [IMAGE INTERPRETER...]]]
 *
 * The defaults are `-` (standard input), 5 s, and `alpine sh`; try `python:3-alpine python3`.
 *
 * @module
 */

import { type GuestCommand, Machine } from "../src/mod.ts";

const OUTPUT_LIMIT_BYTES = 1024 ** 2;

const [file = "-", seconds = "5", image = "alpine", ...interpreter] = Deno.args;
const code = file === "-" ? await new Response(Deno.stdin.readable).bytes() : await Deno.readFile(file);

await using machine = await Machine.create({
  source: image,
  memoryMib: 256,
  diskBytes: 256 * 1024 ** 2,
  ephemeral: true,
});
await machine.start();
await machine.fs.writeFile("/code", code);

// The deadline starts here: it applies to the code, not to the pull and the boot.
const deadline = AbortSignal.timeout(Number(seconds) * 1000);
const [exitCode, ending] = await watch(machine.exec(
  [...interpreter.length > 0 ? interpreter : ["sh"], "/code"],
  { user: "65534:65534", workdir: "/tmp", signal: deadline },
));
console.error(ending);
Deno.exitCode = exitCode;

/** Forwards a command's output; returns its exit code and a description of how it ended. */
async function watch(command: GuestCommand): Promise<[number, string]> {
  const outputs = { stdout: Deno.stdout.writable.getWriter(), stderr: Deno.stderr.writable.getWriter() };
  let bytes = 0;
  try {
    for await (const { stream, data } of command) {
      bytes += data.length;
      // Leaving the loop ends the command.
      if (bytes > OUTPUT_LIMIT_BYTES) return [125, `killed: it wrote more than ${OUTPUT_LIMIT_BYTES} bytes`];
      await outputs[stream].write(data);
    }
    const { code, signal } = await command.status;
    return [code, signal === null ? `ended with exit code ${code}` : `killed by ${signal}`];
  } catch (error) {
    if (deadline.aborted) return [124, `killed: it ran longer than ${seconds} s`];
    throw error;
  } finally {
    outputs.stdout.releaseLock();
    outputs.stderr.releaseLock();
  }
}
