import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { type Config, readConfig } from "./config.ts";

const NOTHING: Config = { defaultCpus: undefined, defaultMem: undefined, defaultDns: undefined };

/** Reads a configuration with that text. */
async function read(text: string): Promise<Config> {
  using folder = makeTempFolder();
  const path = `${folder.path}/smolvm.toml`;
  await Deno.writeTextFile(path, text);
  // Messages name the file, whose folder no test knows.
  return await readConfig(path).catch((error) => {
    error.message = error.message.replaceAll(path, "FILE");
    throw error;
  });
}

Deno.test("readConfig() reads every key, and leaves out what is not there", async () => {
  const text = 'default_cpus = 2 # two\n\ndefault_mem = 1_024\ndefault_dns = "9.9.9.9"\n';
  assert.deepEqual(await read(text), { defaultCpus: 2, defaultMem: 1024, defaultDns: "9.9.9.9" });
  assert.deepEqual(await read("default_mem = 256"), { ...NOTHING, defaultMem: 256 });
  assert.deepEqual(await read(""), NOTHING);
});

Deno.test("readConfig() looks in the user's configuration folder, and takes a missing file for an empty one", async () => {
  using folder = makeTempFolder();
  using _ = setEnv({ HOME: folder.path, XDG_CONFIG_HOME: `${folder.path}/config` });
  assert.deepEqual(await readConfig(), NOTHING);
  const own = Deno.build.os === "darwin"
    ? `${folder.path}/Library/Preferences/rs.smolvm`
    : `${folder.path}/config/smolvm`;
  await Deno.mkdir(own, { recursive: true });
  await Deno.writeTextFile(`${own}/smolvm.toml`, "default_cpus = 3");
  assert.equal((await readConfig()).defaultCpus, 3);
});

Deno.test("readConfig() names the line and the key that is unknown, of another type or out of range", async () => {
  const messages = {
    "default_cpu = 2": '"FILE", line 1: unknown key "default_cpu"',
    'default_mem = "1g"': '"FILE", line 1: default_mem is a string, expected an integer from 128 to 16777216',
    "default_mem = 64": '"FILE", line 1: default_mem is 64, expected an integer from 128 to 16777216',
    "default_cpus = 0": '"FILE", line 1: default_cpus is 0, expected an integer from 1 to 16',
    "default_cpus = 1.5": '"FILE", line 1: default_cpus is 1.5, expected an integer from 1 to 16',
    "[default_cpus]": '"FILE", line 1: default_cpus is an object, expected an integer from 1 to 16',
    "default_dns = 1": '"FILE", line 1: default_dns is 1, expected a string',
    'default_dns = "dns.example"': '"FILE", line 1: default_dns is "dns.example", expected an IP address',
  };
  for (const [text, message] of Object.entries(messages)) await assert.rejects(read(text), { code: "config", message });
});

Deno.test("readConfig() names the line that is not TOML", async () => {
  for (const [text, line] of [["default_cpus = ", 1], ["default_cpus = 2\n\nfoo bar\n", 3], ["\n[x\n", 2]] as const) {
    await assert.rejects(read(text), { code: "config", message: new RegExp(`^Cannot parse "FILE": .*line ${line},`) });
  }
});

Deno.test("readConfig() says why the file cannot be read", async () => {
  using folder = makeTempFolder();
  await assert.rejects(readConfig(folder.path), {
    code: "config",
    message: `Cannot read "${folder.path}": Is a directory`,
  });
});
