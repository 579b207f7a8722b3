import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { readSmolfile, type Smolfile } from "./smolfile.ts";

/** Reads a Smolfile with this text, without its folder; in messages, `FILE` replaces its path. */
async function read(text: string): Promise<Omit<Smolfile, "folder">> {
  using temp = makeTempFolder();
  const path = `${temp.path}/Smolfile`;
  await Deno.writeTextFile(path, text);
  const { folder, ...smolfile } = await readSmolfile(path).catch((error) => {
    error.message = error.message.replaceAll(path, "FILE");
    throw error;
  });
  assert.equal(folder, temp.path);
  return smolfile;
}

Deno.test("readSmolfile() reads every key like the option of that name", async () => {
  const text = `
    image = "alpine:3"
    command = ["ls", "-la", ""]
    cpus = 2
    memory = "1g"
    env = [
      "A=b c", # two words
      "B=",
    ]
    volumes = ["/srv:/data/:ro", "/tmp:/tmp"]
    ports = ["8080:80", "[::1]:53:53", "5000-5001:6000-6001/udp"]
    net = true
    allow_net = ["example.com:443", "host:5432"]
    deny_net = ["10.0.0.0/8"]
    secrets = ["TOKEN@api.test,*.more.test=env:T", "KEY@api.test=file:/key"]
    net_limit = "500k"
    net_connections = 10
    networks = ["app"]
    network_aliases = ["db", "db.local"]
    dns = "9.9.9.9"
    workdir = "/w"
    init = true
    user = "app:0"
    disk = "40g"
  `;
  assert.deepEqual(await read(text), {
    image: "alpine:3",
    command: ["ls", "-la", ""],
    cpus: 2,
    memoryMib: 1024,
    env: ["A=b c", "B="],
    volumes: [{ source: "/srv", target: "/data", readOnly: true }, { source: "/tmp", target: "/tmp", readOnly: false }],
    ports: [
      { protocol: "tcp", address: "127.0.0.1", hostPort: 8080, guestPort: 80 },
      { protocol: "tcp", address: "::1", hostPort: 53, guestPort: 53 },
      { protocol: "udp", address: "127.0.0.1", hostPort: 5000, guestPort: 6000 },
      { protocol: "udp", address: "127.0.0.1", hostPort: 5001, guestPort: 6001 },
    ],
    net: true,
    allowNet: ["example.com:443", "host:5432"],
    denyNet: ["10.0.0.0/8"],
    secrets: [
      { name: "TOKEN", hosts: ["api.test", "*.more.test"], source: { env: "T" } },
      { name: "KEY", hosts: ["api.test"], source: { file: "/key" } },
    ],
    netLimitBytes: 500 * 1024,
    netConnections: 10,
    networks: ["app"],
    networkAliases: ["db", "db.local"],
    dns: "9.9.9.9",
    workdir: "/w",
    init: true,
    user: "app:0",
    diskBytes: 40 * 2 ** 30,
  });
});

Deno.test("readSmolfile() leaves missing keys unset", async () => {
  assert.deepEqual(await read("# nothing\n"), {
    image: undefined,
    command: [],
    cpus: undefined,
    memoryMib: undefined,
    env: [],
    volumes: [],
    ports: [],
    net: undefined,
    allowNet: [],
    denyNet: [],
    secrets: [],
    netLimitBytes: undefined,
    netConnections: undefined,
    networks: [],
    networkAliases: [],
    dns: undefined,
    workdir: undefined,
    init: undefined,
    user: undefined,
    diskBytes: undefined,
  });
});

Deno.test("readSmolfile() accepts sizes in MiB, keeps false, and inherits variables of this process", async () => {
  using _ = setEnv({ SMOLVM_TEST_SET: "v", SMOLVM_TEST_UNSET: undefined });
  const text = 'memory = 256\ndisk = 1_024\nnet = false\nenv = ["SMOLVM_TEST_SET", "SMOLVM_TEST_UNSET"]\n';
  const { memoryMib, diskBytes, net, env } = await read(text);
  assert.deepEqual([memoryMib, diskBytes, net, env], [256, 2 ** 30, false, ["SMOLVM_TEST_SET=v"]]);
});

Deno.test("readSmolfile() passes a string command to the guest's shell, even if its lines look like keys", async () => {
  const { command } = await read('command = """\ncpus = 99\necho $HOME\n"""\ncpus = 1\n');
  assert.deepEqual(command, ["/bin/sh", "-c", "cpus = 99\necho $HOME\n"]);
});

Deno.test("readSmolfile() resolves host folders relative to the file's folder", async () => {
  using temp = makeTempFolder();
  const folder = `${temp.path}/project`;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/Smolfile`, 'volumes = ["src:/a", "../b c:/b", ".:/c", "/d:/d"]');
  const { volumes } = await readSmolfile(`${folder}/../project/Smolfile`);
  assert.deepEqual(volumes.map(({ source }) => source), [`${folder}/src`, `${temp.path}/b c`, folder, "/d"]);
});

Deno.test("readSmolfile() names the line and the key that is unknown or of another type", async () => {
  const messages = {
    "\nimgae = 'alpine'": '"FILE", line 2: unknown key "imgae"',
    "name = 'web'": '"FILE", line 1: unknown key "name"',
    "[env]\nA = '1'": '"FILE", line 1: env is an object, expected a list of strings',
    "image = 5": '"FILE", line 1: image is 5, expected a string',
    'image = "a\\u0000b"': '"FILE", line 1: image is "a\\u0000b", expected a string',
    "command = true": '"FILE", line 1: command is a boolean, expected a string for the shell, or a list of words',
    "command = []": '"FILE", line 1: command is [], expected a string for the shell, or a list of words',
    "command = ['a', 1]": '"FILE", line 1: command is ["a",1], expected a string for the shell, or a list of words',
    "cpus = '2'": '"FILE", line 1: cpus is "2", expected a number',
    "memory = ['1g']": '"FILE", line 1: memory is ["1g"], expected MiB, or a string such as "512m"',
    "disk = true": '"FILE", line 1: disk is a boolean, expected MiB, or a string such as "512m"',
    "env = 'A=1'": '"FILE", line 1: env is "A=1", expected a list of strings',
    "volumes = [1]": '"FILE", line 1: volumes is [1], expected a list of strings',
    "ports = 80": '"FILE", line 1: ports is 80, expected a list of strings',
    "net = 'yes'": '"FILE", line 1: net is "yes", expected true or false',
    "dns = 9.9": '"FILE", line 1: dns is 9.9, expected a string',
    "workdir = 1979-05-27": '"FILE", line 1: workdir is an object, expected a string',
    "user = 1000": '"FILE", line 1: user is 1000, expected a string',
  };
  for (const [text, message] of Object.entries(messages)) await assert.rejects(read(text), { code: "config", message });
});

Deno.test("readSmolfile() refuses the same values as the option, and names the line", async () => {
  const messages = {
    "cpus = 1.5": "cpus 1.5: expected a whole number of CPUs",
    "memory = 'lots'": 'memory "lots": expected a whole number of MiB such as 512, 512m or 1g',
    "memory = -1": "memory -1: expected a whole number of MiB such as 512, 512m or 1g",
    "disk = '9000t'": 'disk "9000t": expected a size such as 512m or 40g',
    "env = [\n'A=1',\n'B C=1']": 'env "B C=1": expected KEY=VALUE or KEY, without space in KEY',
    "volumes = ['/a:/', '/b']": 'volumes "/a:/": cannot mount over the guest\'s root',
    "ports = ['80:80', '53:53/sctp']": 'ports "53:53/sctp": cannot publish sctp ports, only tcp and udp',
    "dns = 'dns.example'": 'dns "dns.example": expected an IP address',
    "workdir = 'src'": 'workdir "src": expected an absolute path in the guest',
    "user = 'a:b:c'": 'user "a:b:c": expected NAME or UID, with :GROUP or :GID',
  };
  for (const [text, problem] of Object.entries(messages)) {
    await assert.rejects(read(`image = "a"\n${text}`), { code: "config", message: `"FILE", line 2: ${problem}` });
  }
});

Deno.test("readSmolfile() reports why a file cannot be read", async () => {
  using temp = makeTempFolder();
  const path = `${temp.path}/Smolfile`;
  await assert.rejects(readSmolfile(path), {
    code: "config",
    message: `Cannot read "${path}": No such file or directory`,
  });
  await assert.rejects(readSmolfile(temp.path), {
    code: "config",
    message: `Cannot read "${temp.path}": Is a directory`,
  });
  for (const [text, line] of [["image\n", 1], ["cpus = 1\n\ncpus = 2", 3]] as const) {
    await assert.rejects(read(text), { code: "config", message: new RegExp(`^Cannot parse "FILE": line ${line},`) });
  }
});
