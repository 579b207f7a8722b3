/**
 * A matrix of test runs: runs the same command on several images at once, each in its own VM with the current folder at
 * /src, read-only. Prints a table of results and the output of the failed runs, and exits with 1 if any run failed.
 *
 *     deno run --allow-env --allow-net --allow-read --allow-write --allow-sys=uid \
 *       --allow-run=lib/smolvm-jail-x64,sh,setpriv,buildah examples/test_matrix.ts COMMAND [IMAGE...]
 *
 * COMMAND is a command line for the guest's shell. The default images are three versions of Python.
 *
 * @module
 */

import { Machine } from "../src/mod.ts";

interface Run {
  image: string;
  /** `passed`, or a description of the failure. */
  result: string;
  seconds: number;
  output: string;
}

const [command = "python3 --version", ...given] = Deno.args;
const images = given.length > 0 ? given : ["python:3.10-alpine", "python:3.12-alpine", "python:3.14-alpine"];

const runs = await Promise.all(images.map(test));
const width = Math.max(...images.map((image) => image.length));
for (const { image, result, seconds } of runs) {
  console.log(`${image.padEnd(width)}  ${seconds.toFixed(1).padStart(6)} s  ${result}`);
}
const failed = runs.filter(({ result }) => result !== "passed");
for (const { image, output } of failed) console.log(`\n--- ${image}\n${output.trimEnd()}`);
if (failed.length > 0) Deno.exitCode = 1;

/** Runs the command on one image. Never throws: a missing image must not hide the results of the others. */
async function test(image: string): Promise<Run> {
  const started = performance.now();
  const ended = (result: string, output = ""): Run => {
    return { image, result, output, seconds: (performance.now() - started) / 1000 };
  };
  try {
    const { code, stdout, stderr } = await Machine.run(image, command, {
      volumes: [{ source: ".", target: "/src", readOnly: true }],
      workdir: "/src",
    });
    return ended(code === 0 ? "passed" : `exit code ${code}`, stdout + stderr);
  } catch (error) {
    return ended("no run", String(error));
  }
}
