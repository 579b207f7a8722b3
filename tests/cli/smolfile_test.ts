// Machines from a Smolfile, without a VM.
import assert from "node:assert/strict";
import { assertNothingLeft, type Cli, makeCli } from "../helpers/cli.ts";
import { assertCode, type Outcome } from "../helpers/process.ts";

const SMOLFILE = `
image = "./root"
command = ["sh", "-c", "true"]
cpus = 2
memory = "256m"
env = ["A=file", "B=file"]
volumes = ["root:/data:ro"]
ports = ["8080:80"]
net = true
dns = "9.9.9.9"
workdir = "/w"
user = "app"
disk = "1g"
`;

/** A `smolvm` whose folder contains the folders `root` and `project/root`, and the file `project/Smolfile`. */
function makeProject(text = SMOLFILE): Cli {
  const cli = makeCli();
  for (const path of ["root", "project/root"]) Deno.mkdirSync(`${cli.folder}/${path}`, { recursive: true });
  Deno.writeTextFileSync(`${cli.folder}/project/Smolfile`, text);
  return cli;
}

interface Listed {
  source: { folder: string };
  command: { argv: string[]; env: string[]; cwd: string; user: string };
  volumes: unknown[];
  ports: unknown[];
  [key: string]: unknown;
}

/** The machine that `smolvm create -f Smolfile ARGS` makes, as `list` prints it. */
async function create(cli: Cli, ...args: string[]): Promise<Listed> {
  const made = await cli.run(["create", "-f", "project/Smolfile", ...args]);
  assertCode(made, 0);
  const { stdout } = await cli.run(["list", "--json"]);
  return JSON.parse(stdout).find(({ name }: { name: string }) => `${name}\n` === made.stdout);
}

function assertRefused({ code, stdout, stderr }: Outcome, ...lines: string[]): void {
  const said = `smolvm: ${lines.map((line) => `${line}\n`).join("")}`;
  assert.deepEqual({ code, stdout, stderr }, { code: 125, stdout: "", stderr: said });
}

Deno.test("smolvm create -f makes the machine in the file, with paths relative to the file's folder", async () => {
  using cli = makeProject();
  const root = `${cli.folder}/project/root`;
  const { source, cpus, memoryMib, diskBytes, volumes, ports, net, dns, command } = await create(cli);
  assert.deepEqual({ source, cpus, memoryMib, diskBytes, volumes, ports, net, dns }, {
    source: { folder: root },
    cpus: 2,
    memoryMib: 256,
    diskBytes: 2 ** 30,
    volumes: [{ source: root, target: "/data", readOnly: true }],
    ports: [{ protocol: "tcp", address: "127.0.0.1", hostPort: 8080, guestPort: 80 }],
    net: true,
    dns: "9.9.9.9",
  });
  const { argv, env, cwd, user } = command;
  assert.deepEqual({ argv, cwd, user }, { argv: ["sh", "-c", "true"], cwd: "/w", user: "app" });
  assert.deepEqual(env.slice(-2), ["A=file", "B=file"]);
});

Deno.test("smolvm create -f lets options override the file, and adds repeatable ones", async () => {
  using cli = makeProject();
  const values = ["--name", "web", "-c", "1", "-m", "128", "--disk", "128m", "-w", "/", "-u", "0", "--dns", "1.1.1.1"];
  const lists = ["-e", "B=option", "-e", "C=option", "-v", "root:/more", "-p", "8081:81"];
  const { name, cpus, memoryMib, diskBytes, dns, command, volumes, ports } = await create(cli, ...values, ...lists);
  assert.deepEqual({ name, cpus, memoryMib, diskBytes, dns, cwd: command.cwd, user: command.user }, {
    name: "web",
    cpus: 1,
    memoryMib: 128,
    diskBytes: 128 * 2 ** 20,
    dns: "1.1.1.1",
    cwd: "/",
    user: "0",
  });
  assert.deepEqual(command.env.slice(-3), ["A=file", "B=option", "C=option"]);
  // A path on the command line is relative to the working folder.
  const more = { source: `${cli.folder}/root`, target: "/more", readOnly: false };
  assert.deepEqual(volumes, [{ source: `${cli.folder}/project/root`, target: "/data", readOnly: true }, more]);
  assert.equal(ports.length, 2);
});

Deno.test("smolvm create -f overrides the configuration", async () => {
  using cli = makeProject('image = "root"\ncpus = 2\n');
  assertCode(await cli.run(["create", "-f", "project/Smolfile"], { config: "default_cpus = 3\ndefault_mem = 192" }), 0);
  const [{ cpus, memoryMib }] = JSON.parse((await cli.run(["list", "--json"])).stdout);
  assert.deepEqual([cpus, memoryMib], [2, 192]);
});

Deno.test("smolvm create -f replaces the file's source and command, or only the command after --", async () => {
  using cli = makeProject();
  const [own, other] = [`${cli.folder}/project/root`, `${cli.folder}/root`];
  const cases: [words: string[], folder: string, argv: string[]][] = [
    [[], own, ["sh", "-c", "true"]],
    [["--"], own, ["sh", "-c", "true"]],
    [["root"], other, ["sh", "-c", "true"]],
    [["root", "ls", "--", "-f"], other, ["ls", "--", "-f"]],
    [["--", "root"], own, ["root"]],
    [["--", "ls", "-la"], own, ["ls", "-la"]],
  ];
  for (const [words, folder, argv] of cases) {
    const { source, command } = await create(cli, ...words);
    assert.deepEqual([source.folder, command.argv], [folder, argv], words.join(" "));
  }
  // Without a file, the arguments after -- begin with SOURCE.
  assertCode(await cli.run(["create", "--name", "plain", "--", "root", "ls"]), 0);
});

Deno.test("smolvm run and create -f refuse a missing or invalid file, and leave no files", async () => {
  const file = '"project/Smolfile"';
  const refusals: [text: string, args: string[], ...lines: string[]][] = [
    ["", [], `Cannot use ${file}: it has no image, and no SOURCE is given`],
    ["", ["--", "ls"], `Cannot use ${file}: it has no image, and no SOURCE is given`],
    ["cpus = 2\nimgae = 'a'", ["root"], `${file}, line 2: unknown key "imgae"`, "Did you mean image?"],
    ["memory = true", ["root"], `${file}, line 1: memory is a boolean, expected MiB, or a string such as "512m"`],
    [
      "memory = 'lots'",
      ["root"],
      `${file}, line 1: memory "lots": expected a whole number of MiB such as 512, 512m or 1g`,
    ],
    ["cpus = 99", ["root"], "Cannot give the machine 99 CPUs: expected 1 to 16"],
    ["disk = 1", ["root"], "Cannot make a disk of 1 MiB: expected 128 MiB to 1 TiB"],
    ["dns = '1.1.1.1'", ["root"], `Cannot use the dns of ${file} without --net: the guest has no network`],
    ["volumes = ['root:/a']", ["-v", "/:/a", "root"], 'Cannot mount two volumes at "/a"'],
    ["volumes = ['src:/a']", ["root"], 'Cannot mount volume "{}/project/src": No such file or directory'],
    ["image = './src'", [], 'Cannot use the folder "./src": No such file or directory'],
  ];
  using cli = makeProject();
  // The folder exists in the working folder, but not in the file's folder.
  Deno.mkdirSync(`${cli.folder}/src`);
  for (const [text, args, ...lines] of refusals) {
    Deno.writeTextFileSync(`${cli.folder}/project/Smolfile`, text);
    const said = lines.map((line) => line.replace("{}", cli.folder));
    for (const command of ["run", "create"]) {
      assertRefused(await cli.run([command, "-f", "project/Smolfile", ...args]), ...said);
    }
  }
  assertRefused(await cli.run(["run", "-f", "none", "root"]), 'Cannot read "none": No such file or directory');
  assertRefused(await cli.run(["run"]), "Missing required argument 'source'", "Run 'smolvm run --help' for more.");
  await assertNothingLeft(cli);
});
