import assert from "node:assert/strict";
import { EMPTY_IMAGE_CONFIG, type ImageConfig } from "../image/config.ts";
import { commandEnvironment, commandLine, type MachineCommandOptions } from "./command.ts";

const NOTHING: MachineCommandOptions = { command: [], entrypoint: undefined, env: [], hostname: "web" };

const line = (defaults: Partial<ImageConfig>, options: Partial<MachineCommandOptions>) =>
  commandLine({ ...EMPTY_IMAGE_CONFIG, ...defaults }, { ...NOTHING, ...options });

const environment = (
  defaults: Partial<ImageConfig>,
  { argv = ["/app"], ...options }: Partial<MachineCommandOptions> & { argv?: string[] },
) => commandEnvironment({ ...EMPTY_IMAGE_CONFIG, ...defaults }, { ...NOTHING, ...options, argv });

Deno.test("commandLine() combines entrypoint and command as docker does", () => {
  const image = { entrypoint: ["/entry", "-x"], cmd: ["default", "args"] };
  const table: [options: Partial<MachineCommandOptions>, expected: string[]][] = [
    [{}, ["/entry", "-x", "default", "args"]],
    [{ command: ["mine"] }, ["/entry", "-x", "mine"]],
    [{ entrypoint: "/other" }, ["/other"]],
    [{ entrypoint: "/other", command: ["mine"] }, ["/other", "mine"]],
    [{ entrypoint: "", command: ["mine"] }, ["mine"]],
    [{ entrypoint: "" }, ["/bin/sh"]],
  ];
  for (const [options, expected] of table) assert.deepEqual(line(image, options), expected, JSON.stringify(options));
});

Deno.test("commandLine() prefers the user's command to the image's, and defaults to a shell", () => {
  assert.deepEqual(line({ cmd: ["/app", "-v"] }, {}), ["/app", "-v"]);
  assert.deepEqual(line({ cmd: ["/app", "-v"] }, { command: ["ls"] }), ["ls"]);
  assert.deepEqual(line({ entrypoint: ["/app"] }, {}), ["/app"]);
  assert.deepEqual(line({}, {}), ["/bin/sh"]);
  assert.deepEqual(line({}, { command: [""] }), [""], "an empty argument is an argument");
});

Deno.test("commandEnvironment() sets PATH and HOSTNAME by default", () => {
  const expected = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=web"];
  assert.deepEqual(environment({}, {}), expected);
});

Deno.test("commandEnvironment() tells systemd that it is in a container, unless the user sets the variable", () => {
  for (const program of ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init", "systemd", "/lib/systemd/systemd"]) {
    assert.ok(environment({}, { argv: [program, "--unit=x"] }).includes("container=smolvm"), program);
  }
  for (const program of ["init", "/init", "/app/sbin/init", "systemd-run", "/bin/mysystemd"]) {
    assert.ok(!environment({}, { argv: [program] }).includes("container=smolvm"), program);
  }
  assert.ok(environment({}, { argv: ["/sbin/init"], env: ["container=mine"] }).includes("container=mine"));
});

Deno.test("commandEnvironment() lets the user's variables override the image's, and later ones earlier ones", () => {
  const variables = environment({ env: ["PATH=/image", "A=image", "B=image"] }, {
    env: ["A=first", "A=user", "TERM=dumb", "EMPTY="],
  });
  assert.deepEqual(variables.sort(), ["A=user", "B=image", "EMPTY=", "HOSTNAME=web", "PATH=/image", "TERM=dumb"]);
});

Deno.test("commandEnvironment() takes everything after the first = as the value", () => {
  assert.ok(environment({}, { env: ["A=b=c d\n"] }).includes("A=b=c d\n"));
  assert.equal(environment({}, { env: ["AB=1", "A=2"] }).length, 4, "AB and A are two variables");
});
