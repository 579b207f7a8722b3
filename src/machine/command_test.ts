import assert from "node:assert/strict";
import { EMPTY_IMAGE_CONFIG, type ImageConfig } from "../image/config.ts";
import { commandEnvironment, commandLine, type CommandOptions } from "./command.ts";

const NOTHING: CommandOptions = { command: [], entrypoint: undefined, env: [], hostname: "web" };

const line = (defaults: Partial<ImageConfig>, options: Partial<CommandOptions>) =>
  commandLine({ ...EMPTY_IMAGE_CONFIG, ...defaults }, { ...NOTHING, ...options });

const environment = (defaults: Partial<ImageConfig>, options: Partial<CommandOptions>) =>
  commandEnvironment({ ...EMPTY_IMAGE_CONFIG, ...defaults }, { ...NOTHING, ...options });

Deno.test("commandLine() combines entrypoint and command as docker does", () => {
  const image = { entrypoint: ["/entry", "-x"], cmd: ["default", "args"] };
  const table: [options: Partial<CommandOptions>, expected: string[]][] = [
    [{}, ["/entry", "-x", "default", "args"]],
    [{ command: ["mine"] }, ["/entry", "-x", "mine"]],
    [{ entrypoint: "/other" }, ["/other"]],
    [{ entrypoint: "/other", command: ["mine"] }, ["/other", "mine"]],
    [{ entrypoint: "", command: ["mine"] }, ["mine"]],
    [{ entrypoint: "" }, ["/bin/sh"]],
  ];
  for (const [options, expected] of table) assert.deepEqual(line(image, options), expected, JSON.stringify(options));
});

Deno.test("commandLine() takes an image's command, the user's before it, and a shell without either", () => {
  assert.deepEqual(line({ cmd: ["/app", "-v"] }, {}), ["/app", "-v"]);
  assert.deepEqual(line({ cmd: ["/app", "-v"] }, { command: ["ls"] }), ["ls"]);
  assert.deepEqual(line({ entrypoint: ["/app"] }, {}), ["/app"]);
  assert.deepEqual(line({}, {}), ["/bin/sh"]);
  assert.deepEqual(line({}, { command: [""] }), [""], "an empty argument is an argument");
});

Deno.test("commandEnvironment() has what programs need where nobody says otherwise", () => {
  const expected = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=web"];
  assert.deepEqual(environment({}, {}), expected);
});

Deno.test("commandEnvironment() lets the user's variables win over the image's and the last over the first", () => {
  const variables = environment({ env: ["PATH=/image", "A=image", "B=image"] }, {
    env: ["A=first", "A=user", "TERM=dumb", "EMPTY="],
  });
  assert.deepEqual(variables.sort(), ["A=user", "B=image", "EMPTY=", "HOSTNAME=web", "PATH=/image", "TERM=dumb"]);
});

Deno.test("commandEnvironment() takes everything behind the first = as the value", () => {
  assert.ok(environment({}, { env: ["A=b=c d\n"] }).includes("A=b=c d\n"));
  assert.equal(environment({}, { env: ["AB=1", "A=2"] }).length, 4, "AB and A are two variables");
});
