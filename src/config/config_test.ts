import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { readConfig, setConfig } from "./config.ts";
import type { Config } from "./keys.ts";

const DEFAULTS: Config = {
  defaultCpus: 1,
  defaultMem: 512,
  defaultDns: undefined,
  insecureNoJail: false,
  warm: 0,
  warmIdle: 600,
  logMaxSize: 10,
  logMaxFiles: 3,
};

/** Reads a configuration with this text. */
async function read(text: string): Promise<Config> {
  using folder = makeTempFolder();
  const path = `${folder.path}/smolvm.toml`;
  await Deno.writeTextFile(path, text);
  // Messages name the file, whose folder is different in each run.
  return await readConfig(path).catch((error) => {
    error.message = error.message.replaceAll(path, "FILE");
    throw error;
  });
}

Deno.test("readConfig() reads every key, and uses defaults for missing keys", async () => {
  const text = 'default_cpus = 2 # two\n\ndefault_mem = 1_024\ndefault_dns = "9.9.9.9"\n' +
    "log_max_size = 1024\nlog_max_files = 1\ninsecure_no_jail = true\nwarm = 3\nwarm_idle = 60\n";
  assert.deepEqual(await read(text), {
    defaultCpus: 2,
    defaultMem: 1024,
    defaultDns: "9.9.9.9",
    insecureNoJail: true,
    warm: 3,
    warmIdle: 60,
    logMaxSize: 1024,
    logMaxFiles: 1,
  });
  assert.deepEqual(await read("default_mem = 256"), { ...DEFAULTS, defaultMem: 256 });
  assert.deepEqual(await read(""), DEFAULTS);
});

Deno.test("readConfig() looks in the user's configuration folder, and treats a missing file as empty", async () => {
  using folder = makeTempFolder();
  using _ = setEnv({ HOME: folder.path, XDG_CONFIG_HOME: `${folder.path}/config` });
  assert.deepEqual(await readConfig(), DEFAULTS);
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
    'default_mem = "1g"': '"FILE", line 1: default_mem is "1g", expected an integer from 128 to 16777216',
    "default_mem = 64": '"FILE", line 1: default_mem is 64, expected an integer from 128 to 16777216',
    "default_cpus = 0": '"FILE", line 1: default_cpus is 0, expected an integer from 1 to 16',
    "default_cpus = 1.5": '"FILE", line 1: default_cpus is 1.5, expected an integer from 1 to 16',
    'default_mem = ["1g"]': '"FILE", line 1: default_mem is ["1g"], expected an integer from 128 to 16777216',
    "default_cpus = true": '"FILE", line 1: default_cpus is a boolean, expected an integer from 1 to 16',
    "default_cpus.x = 1": '"FILE", line 1: default_cpus is an object, expected an integer from 1 to 16',
    "[default_cpus]": '"FILE", line 1: default_cpus is an object, expected an integer from 1 to 16',
    "default_dns = 1": '"FILE", line 1: default_dns is 1, expected an IP address',
    'default_dns = ["9.9.9.9"]': '"FILE", line 1: default_dns is ["9.9.9.9"], expected an IP address',
    'default_dns = "dns.example"': '"FILE", line 1: default_dns is "dns.example", expected an IP address',
    "log_max_size = 0": '"FILE", line 1: log_max_size is 0, expected an integer from 1 to 1024',
    'log_max_size = "10m"': '"FILE", line 1: log_max_size is "10m", expected an integer from 1 to 1024',
    "log_max_files = 101": '"FILE", line 1: log_max_files is 101, expected an integer from 1 to 100',
    "# one\n\nmem = 1": '"FILE", line 3: unknown key "mem"',
    "default_cpus = 1\n[default]\ndefault_cpus = 2": '"FILE", line 2: unknown key "default"',
    "constructor = 1": '"FILE", line 1: unknown key "constructor"',
  };
  for (const [text, message] of Object.entries(messages)) await assert.rejects(read(text), { code: "config", message });
});

Deno.test("readConfig() suggests the nearest key for an unknown one", async () => {
  await assert.rejects(read("defualt_cpus = 2"), { code: "config", hint: "Did you mean default_cpus?" });
  await assert.rejects(read("constructor = 1"), { code: "config", hint: undefined });
});

Deno.test("readConfig() names the line that is not TOML", async () => {
  const texts = {
    "default_cpus = ": 1,
    "default_cpus = 2\n\nfoo bar\n": 3,
    "\n[x\n": 2,
    "default_cpus = 2 default_mem = 900": 1,
    "default_cpus = 1\n\ndefault_cpus = 2": 3,
    'default_cpus = 1\n"default\\u005fcpus" = 2': 2,
  };
  for (const [text, line] of Object.entries(texts)) {
    await assert.rejects(read(text), { code: "config", message: new RegExp(`^Cannot parse "FILE": .*line ${line},`) });
  }
});

Deno.test("readConfig() reports why the file cannot be read", async () => {
  using folder = makeTempFolder();
  await assert.rejects(readConfig(folder.path), {
    code: "config",
    message: `Cannot read "${folder.path}": Is a directory`,
  });
});

Deno.test("readConfig() refuses a file that is not UTF-8", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/smolvm.toml`;
  await Deno.writeFile(path, new Uint8Array([0x23, 0xff, 0x0a]));
  await assert.rejects(readConfig(path), { code: "config", message: `Cannot parse "${path}": it is not UTF-8` });
});

Deno.test("setConfig() sets one key and keeps every other byte", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/smolvm.toml`;
  await Deno.writeTextFile(path, "\r\n# mine\r\n default_mem=1_024# MiB\r\n\t\ndefault_cpus = 2 \n#");
  await setConfig("defaultMem", 256, path);
  assert.equal(Deno.readTextFileSync(path), "\r\n# mine\r\n default_mem=256# MiB\r\n\t\ndefault_cpus = 2 \n#");
  await setConfig("defaultDns", "9.9.9.9", path);
  assert.ok(Deno.readTextFileSync(path).endsWith('\ndefault_cpus = 2 \n#\ndefault_dns = "9.9.9.9"\n'));
  assert.deepEqual(await readConfig(path), {
    ...DEFAULTS,
    defaultCpus: 2,
    defaultMem: 256,
    defaultDns: "9.9.9.9",
  });
});

Deno.test("setConfig() creates the file, and private folders for it", async () => {
  using folder = makeTempFolder();
  await setConfig("defaultCpus", 2, `${folder.path}/config/smolvm/smolvm.toml`);
  assert.equal(Deno.readTextFileSync(`${folder.path}/config/smolvm/smolvm.toml`), "default_cpus = 2\n");
  for (const made of ["config", "config/smolvm"]) {
    assert.equal(Deno.statSync(`${folder.path}/${made}`).mode! & 0o777, 0o700, made);
  }
});

Deno.test("setConfig() keeps the file's permissions", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/smolvm.toml`;
  await Deno.writeTextFile(path, "", { mode: 0o600 });
  await setConfig("defaultCpus", 2, path);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
});

Deno.test("setConfig() writes through symlinks, also to a file that does not exist", async () => {
  using folder = makeTempFolder();
  const [path, dotfiles] = [`${folder.path}/config/smolvm.toml`, `${folder.path}/dotfiles`];
  await Deno.mkdir(dotfiles);
  await Deno.symlink("dotfiles", `${folder.path}/config`);
  await Deno.symlink("../linked/first.toml", path);
  await Deno.mkdir(`${folder.path}/linked`);
  await Deno.symlink(`${dotfiles}/real.toml`, `${folder.path}/linked/first.toml`);
  for (const cpus of [2, 3]) {
    await setConfig("defaultCpus", cpus, path);
    assert.equal(Deno.readTextFileSync(`${dotfiles}/real.toml`), `default_cpus = ${cpus}\n`);
    assert.equal((await readConfig(path)).defaultCpus, cpus);
  }
  assert.deepEqual(Array.from(Deno.readDirSync(dotfiles), ({ name }) => name).sort(), ["real.toml", "smolvm.toml"]);
});

Deno.test("setConfig() repairs the key it sets", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/smolvm.toml`;
  for (const broken of ["default_mem = 64 # MiB\n", "default_mem = # MiB\n", 'default_mem = "1g # MiB\n']) {
    await Deno.writeTextFile(path, broken);
    await setConfig("defaultMem", 128, path);
    assert.match(Deno.readTextFileSync(path), /^default_mem = 128 ?# MiB\n$/);
  }
});

Deno.test("setConfig() does not change a file that would still be invalid", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/smolvm.toml`;
  const texts = {
    "mem = 1\n": /line 1: unknown key "mem"$/,
    "default_cpus = 99\ndefault_mem = 1\n": /line 1: default_cpus is 99, /,
    "default_mem = 128\ndefault_mem = 256\n": /^Cannot parse .*line 2,/,
    '"default\\u005fmem" = 128\n': /^Cannot parse .*line 2,/,
    "[table]\ndefault_mem = 256\n": /line 1: unknown key "table"$/,
    "default_mem\n": /^Cannot parse .*line 1,/,
    'default_mem = """\n1"""\n': /^Cannot parse .*line 2,/,
  };
  for (const [text, message] of Object.entries(texts)) {
    await Deno.writeTextFile(path, text);
    await assert.rejects(setConfig("defaultMem", 128, path), { code: "config", message });
    assert.equal(Deno.readTextFileSync(path), text);
  }
});

Deno.test("setConfig() reports why the file cannot be written", async () => {
  using folder = makeTempFolder();
  await Deno.symlink(`${folder.path}/none`, `${folder.path}/config`);
  await assert.rejects(setConfig("defaultCpus", 2, `${folder.path}/config/smolvm.toml`), {
    code: "storage",
    message: `Cannot make the folder "${folder.path}/config": File exists`,
  });
});
