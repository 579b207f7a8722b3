// Persistent machines without a VM.
import assert from "node:assert/strict";
import { acquireLock } from "../../src/host/lock.ts";
import { writeRunning } from "../helpers/machines.ts";
import { identifyProcess } from "../../src/host/process_identity.ts";
import { processFile } from "../../src/state/machine_process.ts";
import { CREATED, writeStatus } from "../../src/state/status.ts";
import { machineLock } from "../../src/state/machine_folders.ts";
import { assertNothingLeft, type Cli, makeCli } from "../helpers/cli.ts";
import { takeInventory } from "../helpers/inventory.ts";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";

const seeHelp = (command: string) => `Run 'smolvm ${command} --help' for more.`;
const HEADER = "NAME   STATE   CPUS   MEMORY   PID   ROOTFS\n";

/** A `smolvm` whose folder contains an empty folder `root`. */
function makeMachinesCli(): Cli {
  const cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  return cli;
}

/** Makes machines with these names. */
async function create(cli: Cli, ...names: string[]): Promise<void> {
  for (const name of names) assertPrinted(await cli.run(["create", "--name", name, "root"]), `${name}\n`);
}

/** The machines in `smolvm list --json`. */
async function list(cli: Cli): Promise<Record<string, unknown>[]> {
  const outcome = await cli.run(["list", "--json"]);
  assertCode(outcome, 0);
  assert.equal(outcome.stderr, "");
  return JSON.parse(outcome.stdout);
}

async function namesOf(cli: Cli): Promise<unknown[]> {
  return (await list(cli)).map(({ name, state }) => name ?? state).sort();
}

/** The folder of the machine with this name. */
async function folderOf(cli: Cli, name: string): Promise<string> {
  const { id } = (await list(cli)).find((machine) => machine.name === name) ?? assert.fail(`no machine "${name}"`);
  return `${cli.state}/smolvm/machines/${id}`;
}

function assertPrinted({ code, stdout, stderr }: Outcome, expected: string): void {
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: "" });
}

/** `lines` are the message and the hint. */
function assertFailed({ code, stdout, stderr }: Outcome, expected: number, ...lines: string[]): void {
  const said = `smolvm: ${lines.map((line) => `${line}\n`).join("")}`;
  assert.deepEqual({ code, stdout, stderr }, { code: expected, stdout: "", stderr: said });
}

Deno.test("smolvm create makes a machine and prints its name", async () => {
  using cli = makeMachinesCli();
  const options = [
    "--name",
    "web",
    "-c",
    "2",
    "-m",
    "256",
    "-e",
    "A=1",
    "-w",
    "/w",
    "-v",
    "root:/data:ro",
    "-p",
    "8080:80",
    "-i",
  ];
  assertPrinted(await cli.run(["create", ...options, "root", "sh", "-c", "true"]), "web\n");
  const [machine, ...others] = await list(cli);
  assert.deepEqual(others, []);
  const { id, created, ...rest } = machine!;
  assert.match(`${id}`, /^[0-9a-f]{12}$/);
  assert.ok(Math.abs(Date.parse(`${created}`) - Date.now()) < 60_000);
  const command = { argv: ["sh", "-c", "true"], cwd: "/w", user: "", tty: false, stdin: true };
  const { env, ...described } = rest.command as typeof command & { env: string[] };
  assert.deepEqual(described, command);
  assert.ok(env.includes("A=1"));
  assert.deepEqual({ ...rest, command: undefined }, {
    name: "web",
    source: { folder: `${cli.folder}/root` },
    cpus: 2,
    memoryMib: 256,
    diskBytes: 10 * 2 ** 30,
    volumes: [{ source: `${cli.folder}/root`, target: "/data", readOnly: true }],
    ports: [{ protocol: "tcp", address: "127.0.0.1", hostPort: 8080, guestPort: 80 }],
    net: false,
    allowNet: [],
    denyNet: [],
    netLimitBytes: null,
    netConnections: null,
    networks: [],
    networkAliases: [],
    secrets: [],
    insecureNoJail: false,
    init: false,
    dns: null,
    hostname: "web",
    command: undefined,
    stopSignal: 15,
    ephemeral: false,
    state: "created",
    started: null,
    oomKilled: false,
    reason: null,
    error: null,
    pid: null,
    exitCode: null,
    exitSignal: null,
  });
});

Deno.test("smolvm create --init stores the option, and systemd gets its own stop signal", async () => {
  using cli = makeMachinesCli();
  assertPrinted(await cli.run(["create", "--name", "one", "--init", "root", "sleep"]), "one\n");
  assertPrinted(await cli.run(["create", "--name", "two", "root", "/sbin/init"]), "two\n");
  const found = (await list(cli)).map(({ name, init, stopSignal }) => ({ name, init, stopSignal }));
  assert.deepEqual(found, [{ name: "one", init: true, stopSignal: 15 }, { name: "two", init: false, stopSignal: 37 }]);
});

Deno.test("smolvm create accepts docker's -h and --network, and a source named like a network mode", async () => {
  using cli = makeMachinesCli();
  Deno.mkdirSync(`${cli.folder}/none`);
  const settings: [args: string[], net: boolean, hostname: string][] = [
    [["-h", "foo", "root"], false, "foo"],
    [["--network", "none", "root"], false, ""],
    [["--allow-net=example.com:443", "-hbar", "root"], true, "bar"],
    [["--net", "--", "none", "ls"], true, ""],
    [["none", "ls"], false, ""],
  ];
  for (const [args, net, hostname] of settings) {
    const name = `m${settings.findIndex((setting) => setting[0] === args)}`;
    assertPrinted(await cli.run(["create", "--name", name, ...args]), `${name}\n`);
    const machine = (await list(cli)).find((machine) => machine.name === name);
    assert.deepEqual([machine?.net, machine?.hostname], [net, hostname || name], `${args}`);
  }
});

Deno.test("smolvm create generates a name for a machine without one", async () => {
  using cli = makeMachinesCli();
  const outcome = await cli.run(["create", "root"]);
  assert.match(outcome.stdout, /^[a-z]+-[a-z]+-[0-9a-f]{4}\n$/);
  assertPrinted(outcome, outcome.stdout);
  assert.deepEqual(await namesOf(cli), [outcome.stdout.trim()]);
});

Deno.test("smolvm create --disk makes a sparse disk of this size", async () => {
  using cli = makeMachinesCli();
  assertPrinted(await cli.run(["create", "--name", "big", "--disk", "40g", "root"]), "big\n");
  assert.equal((await list(cli))[0]?.diskBytes, 40 * 2 ** 30);
  const { size, blocks } = Deno.statSync(`${await folderOf(cli, "big")}/vm/disk.img`);
  assert.equal(size, 40 * 2 ** 30);
  assert.ok(blocks! * 512 < 2 ** 20, `${blocks} blocks`);
});

Deno.test("smolvm create uses the configuration's defaults", async () => {
  using cli = makeMachinesCli();
  assertCode(await cli.run(["create", "root"], { config: "default_cpus = 3\ndefault_mem = 192\n" }), 0);
  const [machine] = await list(cli);
  assert.deepEqual([machine?.cpus, machine?.memoryMib], [3, 192]);
});

Deno.test("smolvm create refuses invalid settings, and leaves no files", async () => {
  using cli = makeMachinesCli();
  const noName = (name: string) =>
    `Cannot name a machine "${name}": expected a letter or digit, then up to 62 of a-z A-Z 0-9 _ . -`;
  const longest = "x".repeat(64);
  const refusals: [args: string[], ...lines: string[]][] = [
    ...["../x", "", longest, "n\u{e4}me", "-x", "a b", ".lock"].map((name): [string[], string] => [
      [`--name=${name}`, "root"],
      noName(name),
    ]),
    [["./none"], 'Cannot use the folder "./none": No such file or directory'],
    [["-m", "1m", "root"], "Cannot give the machine 1 MiB of memory: expected 128 MiB to 16 TiB"],
    [["-v", "none:/a", "root"], `Cannot mount volume "${cli.folder}/none": No such file or directory`],
    [
      ["--disk", "lots", "root"],
      "Option '--disk <size>' argument 'lots' is invalid. Expected a whole number of MiB such as 512, 512m or 1g.",
      seeHelp("create"),
    ],
    [
      ["--disk", "9000t", "root"],
      "Option '--disk <size>' argument '9000t' is invalid. Expected a size such as 512m or 40g.",
      seeHelp("create"),
    ],
    [["--disk", "127m", "root"], "Cannot make a disk of 127 MiB: expected 128 MiB to 1 TiB"],
    [["--memroy", "1g", "root"], "Unknown option '--memroy'\n(Did you mean --memory?)", seeHelp("create")],
    [[], "Missing required argument 'source'", seeHelp("create")],
  ];
  for (const [args, ...lines] of refusals) assertFailed(await cli.run(["create", ...args]), 125, ...lines);
  await assertNothingLeft(cli);
});

Deno.test("smolvm create refuses a taken name, names the machine that has it and keeps it unchanged", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const before = await takeInventory(cli);
  const [machine] = await list(cli);
  assertFailed(
    await cli.run(["create", "--name", "web", "root"]),
    125,
    `Cannot name the machine "web": machine ${machine?.id} has that name`,
  );
  assert.deepEqual(await takeInventory(cli), before);
  assert.deepEqual(await list(cli), [machine]);
});

Deno.test("smolvm rename changes only the name of a machine", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web", "db");
  const [{ id, ...web }] = await list(cli) as [Record<string, unknown>];
  assertPrinted(await cli.run(["rename", `${id}`.slice(0, 10), "www"]), "");
  assert.deepEqual((await list(cli))[0], { id, ...web, name: "www" });
  const refusals: [args: string[], ...lines: string[]][] = [
    [["wwe", "x"], 'No such machine: "wwe"', 'Did you mean "www"?'],
    [["db", "www"], `Cannot name the machine "www": machine ${id} has that name`],
    [["www", "www"], `Cannot name the machine "www": machine ${id} has that name`],
    [["db", "a b"], 'Cannot name a machine "a b": expected a letter or digit, then up to 62 of a-z A-Z 0-9 _ . -'],
  ];
  for (const [args, ...lines] of refusals) assertFailed(await cli.run(["rename", ...args]), 1, ...lines);
  assertFailed(await cli.run(["rename", "db"]), 125, "Missing required argument 'new'", seeHelp("rename"));
  assert.deepEqual(await namesOf(cli), ["db", "www"]);
  assertPrinted(await cli.run(["rename", "db", "web"]), "");
  assert.deepEqual(await namesOf(cli), ["web", "www"]);
});

Deno.test("smolvm rename gives a name to only one of several concurrent renames", async () => {
  using cli = makeMachinesCli();
  const names = ["a", "b", "c", "d"];
  await create(cli, ...names);
  const outcomes = await Promise.all(names.map((name) => cli.run(["rename", name, "web"])));
  assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 1, 1, 1]);
  const winner = names[outcomes.findIndex(({ code }) => code === 0)];
  assert.deepEqual(await namesOf(cli), [...names.filter((name) => name !== winner), "web"]);
});

Deno.test("smolvm update changes a machine's settings, and prints its name", async () => {
  using cli = makeMachinesCli();
  const created = ["-e", "A=1", "-e", "B=1", "-v", "root:/a", "-v", "root:/b", "-p", "8080:80", "-p", "8443:443"];
  assertCode(await cli.run(["create", "--name", "web", ...created, "root"]), 0);
  const [before] = await list(cli);
  const resources = ["-c", "2", "--memory", "1g", "-w", "/w"];
  const lists = [
    "-e",
    "B=2",
    "--env-rm",
    "A",
    "-v",
    ".:/c:ro",
    "--volume-rm",
    "/a/",
    "-p",
    "81:81",
    "--publish-rm",
    "80",
  ];
  assertPrinted(await cli.run(["update", ...resources, ...lists, "web"]), "web\n");
  const { env } = before!.command as { env: string[] };
  const command = { ...before!.command as object, cwd: "/w", env: env.filter((v) => v !== "A=1" && v !== "B=1") };
  command.env.push("B=2");
  const volume = (source: string, target: string, readOnly: boolean) => ({ source, target, readOnly });
  assert.deepEqual((await list(cli))[0], {
    ...before,
    cpus: 2,
    memoryMib: 1024,
    volumes: [volume(`${cli.folder}/root`, "/b", false), volume(cli.folder, "/c", true)],
    ports: [443, 81].map((guestPort) => ({
      protocol: "tcp",
      address: "127.0.0.1",
      hostPort: guestPort === 443 ? 8443 : 81,
      guestPort,
    })),
    command,
  });
});

Deno.test("smolvm update refuses invalid settings and no settings, and changes nothing", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const before = await takeInventory(cli);
  const machines = await list(cli);
  const refused: [args: string[], code: number, ...lines: string[]][] = [
    [
      ["web"],
      125,
      'Cannot update machine "web": no changes given',
      "Run 'smolvm update --help' for the options.",
    ],
    [["-c", "99", "web"], 1, "Cannot give the machine 99 CPUs: expected 1 to 16"],
    [["-v", "none:/a", "web"], 1, `Cannot mount volume "${cli.folder}/none": No such file or directory`],
    [["-c", "2", "--env-rm", "A", "web"], 1, 'Cannot remove the variable "A": the machine has none'],
    [["-c", "2", "wbe"], 1, 'No such machine: "wbe"', 'Did you mean "web"?'],
    [
      ["--publish-rm", "web", "web"],
      125,
      "Option '--publish-rm <guest>' argument 'web' is invalid. Expected ports from 1 to 65535, got web.",
      seeHelp("update"),
    ],
    [
      ["--volume-rm", "a", "web"],
      125,
      "Option '--volume-rm <guest>' argument 'a' is invalid. Expected an absolute path in the guest, got \"a\".",
      seeHelp("update"),
    ],
  ];
  for (const [args, code, ...lines] of refused) assertFailed(await cli.run(["update", ...args]), code, ...lines);
  const folder = await folderOf(cli, "web");
  {
    using _ = await acquireLock(machineLock(folder), { exclusive: true, wait: true });
    await writeRunning(folder, identifyProcess(Deno.pid)!);
    const running = await cli.run(["update", "-c", "2", "web"]);
    assertFailed(running, 1, 'Cannot update machine "web": it is running', "Stop it first.");
    await writeStatus(folder, CREATED);
    Deno.removeSync(processFile(folder));
  }
  assert.deepEqual(await list(cli), machines);
  assert.deepEqual(await takeInventory(cli), before);
});

Deno.test("smolvm list prints a table, the oldest machine first, and only its header without machines", async () => {
  using cli = makeMachinesCli();
  assertPrinted(await cli.run(["list"]), HEADER);
  await assertNothingLeft(cli);
  await create(cli, "web", "database");
  const rows = ["web        created", "database   created"].map((row) =>
    `${row}   1      512 MiB   -     ${cli.folder}/root\n`
  );
  const table = `NAME       STATE     CPUS   MEMORY    PID   ROOTFS\n${rows.join("")}`;
  for (const command of ["list", "ls", "ps"]) assertPrinted(await cli.run([command]), table);
});

Deno.test("smolvm list --verbose prints more columns", async () => {
  using cli = makeMachinesCli();
  const options = ["-v", "root:/a:ro", "-v", "root:/b", "-p", "8080:80", "-p", "[::1]:81:80"];
  const args = ["create", "--name", "web", ...options, "root", "echo", "a b"];
  assertCode(await cli.run(args), 0);
  const { stdout } = await cli.run(["list", "-v"]);
  const [header, row] = stdout.split("\n").map((line) => line.split(/ {2,}/));
  const [columns, cells] = [header!.slice(-9), row!.slice(-9)];
  assert.deepEqual(columns, ["ID", "DIGEST", "COMMAND", "CREATED", "UPTIME", "PORTS", "MOUNTS", "JAIL", "EXIT"]);
  const age = cells.splice(3, 1)[0]!;
  assert.match(age, /^\d+ (second|minute)s? ago$/);
  const root = `${cli.folder}/root`;
  const [id, ports, mounts] = [
    (await list(cli))[0]?.id,
    "127.0.0.1:8080->80/tcp,[::1]:81->80/tcp",
    `${root}:/a:ro,${root}:/b`,
  ];
  assert.deepEqual(cells, [id, "-", "echo a b", "-", ports, mounts, "-", "-"]);
});

Deno.test("smolvm list prints JSON and names for programs, also without machines", async () => {
  using cli = makeMachinesCli();
  for (const format of [["--json"], ["--format", "json"]]) assertPrinted(await cli.run(["list", ...format]), "[]\n");
  assertPrinted(await cli.run(["list", "-q"]), "");
  await create(cli, "web", "db");
  for (const args of [["-q"], ["-aq"], ["--all", "--quiet"]]) {
    assertPrinted(await cli.run(["list", ...args]), "web\ndb\n");
  }
  assertPrinted(await cli.run(["list", "--format", "json"]), (await cli.run(["list", "--json"])).stdout);
  assert.deepEqual((await list(cli)).map(({ name }) => name), ["web", "db"]);
  for (
    const [command, ...args] of [["list", "-q", "--json"], ["list", "--json", "--format", "table"], [
      "images",
      "-q",
      "--format=json",
    ]]
  ) {
    const { code, stdout, stderr } = await cli.run([command!, ...args]);
    assert.deepEqual([code, stdout], [125, ""]);
    assert.match(stderr, /^smolvm: Option '.*' cannot be used with option '.*'\n/);
  }
});

Deno.test("smolvm list prints full lines on a terminal of unknown width", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state };
  await using terminal = onTerminal({ env, rootfs: "" }, 'stty cols 0; "$SMOLVM" list');
  const { stdout } = await terminal.finish();
  assert.ok(stdout.includes(`${cli.folder}/root`), stdout);
});

Deno.test("smolvm list --filter selects machines in any of the states, and with any of the name parts", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web-1", "web-2", "db");
  const filtered: [filters: string[], names: string][] = [
    [["state=created"], "web-1\nweb-2\ndb\n"],
    [["state=running"], ""],
    [["state=running", "state=created"], "web-1\nweb-2\ndb\n"],
    [["name=web"], "web-1\nweb-2\n"],
    [["name=-1", "name=db"], "web-1\ndb\n"],
    [["name=web", "state=running"], ""],
  ];
  for (const [filters, names] of filtered) {
    const args = filters.flatMap((filter) => ["--filter", filter]);
    assertPrinted(await cli.run(["list", "-q", ...args]), names);
  }
  for (
    const [filter, reason] of [
      ["x=y", "Expected state=STATE or name=PART."],
      ["", "Expected state=STATE or name=PART."],
      ["state=up", "Expected one of created, starting, running, stopping, stopped, failed, booting, warm, unreadable."],
    ]
  ) {
    const message = `Option '--filter <key=value>' argument '${filter}' is invalid. ${reason}`;
    assertFailed(await cli.run(["list", "--filter", filter!]), 125, message, seeHelp("list"));
  }
  const withoutAll = 'Cannot list machines in the state "warm" without --all';
  assertFailed(await cli.run(["list", "--filter", "state=warm"]), 125, withoutAll);
});

Deno.test("smolvm lists unreadable machines with the reason, and the others unchanged", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web", "db");
  const folder = await folderOf(cli, "web");
  const id = folder.slice(folder.lastIndexOf("/") + 1);
  Deno.truncateSync(`${folder}/machine.json`, 10);
  const error = `"${folder}/machine.json" is not JSON`;
  const table = await cli.run(["list"]);
  assert.deepEqual([table.code, table.stderr], [0, ""]);
  const rows = table.stdout.split("\n").slice(1, 3).map((line) => line.split(/ {2,}/));
  assert.deepEqual(rows, [
    [id, "unreadable", error],
    ["db", "created", "1", "512 MiB", "-", `${cli.folder}/root`],
  ]);
  assert.deepEqual((await list(cli))[0], { id, state: "unreadable", error });
  assertPrinted(await cli.run(["list", "-q", "--filter", "state=unreadable"]), `${id}\n`);
  for (const command of ["start", "stop"]) {
    assertFailed(await cli.run([command, "web"]), 1, `Cannot read machine "web": ${error}`);
  }
  assertFailed(
    await cli.run(["create", "--name", "web", "root"]),
    125,
    `Cannot name the machine "web": machine ${id} has that name`,
  );
  assertPrinted(await cli.run(["delete", "-f", "web"]), "web\n");
  assert.deepEqual(await namesOf(cli), ["db"]);
});

Deno.test("smolvm needs no configuration to list, stop and delete machines", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const config = "default_cpu = 1";
  assertPrinted(await cli.run(["list", "-q"], { config }), "web\n");
  assertPrinted(await cli.run(["stop", "web"], { config }), "web\n");
  const { code, stderr } = await cli.run(["create", "root"], { config });
  assert.equal(code, 125);
  assert.match(stderr, /^smolvm: ".*", line 1: unknown key "default_cpu"\nDid you mean default_cpus\?\n$/);
  assertPrinted(await cli.run(["delete", "-f", "web"], { config }), "web\n");
});

Deno.test("smolvm delete removes all files of a machine, and does not ask without a terminal", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web", "db");
  const [web] = await list(cli);
  for (const command of ["delete", "rm"]) {
    assertFailed(
      await cli.run([command, "web"]),
      125,
      "Cannot ask whether to delete: standard input is not a terminal",
      "Use --force to delete without a prompt.",
    );
  }
  assert.deepEqual(await namesOf(cli), ["db", "web"]);
  // An ID prefix works too.
  assertPrinted(await cli.run(["rm", "--force", `${web?.id}`.slice(0, 10)]), "web\n");
  assertPrinted(await cli.run(["delete", "-f", "db"]), "db\n");
  assertPrinted(await cli.run(["list"]), HEADER);
  assert.deepEqual((await takeInventory(cli)).files, []);
});

Deno.test("smolvm delete -f continues when one of several machines is missing, and reports it", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web", "db", "cache");
  const { code, stdout, stderr } = await cli.run(["delete", "-f", "web", "dbs", "cache"]);
  assert.deepEqual({ code, stdout, stderr }, {
    code: 0,
    stdout: "web\ncache\n",
    stderr: 'smolvm: No such machine: "dbs"\nDid you mean "db"?\n',
  });
  assert.deepEqual(await namesOf(cli), ["db"]);
});

Deno.test("smolvm delete checks the machines before it asks, and -f never asks", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web", "db");
  const missing = 'No such machine: "nope"';
  for (const args of [["nope"], ["nope", "nope"]]) {
    const { code, stderr } = await cli.run(["rm", ...args]);
    assert.deepEqual([code, stderr], [1, args.map(() => `smolvm: ${missing}\n`).join("")]);
  }
  assert.equal((await cli.run(["rm", "nope", "web"])).code, 125, "it cannot ask about web without a terminal");
  const forced = await cli.run(["rm", "-fv", "nope", "web", "web"]);
  assert.deepEqual(forced, { ...forced, code: 0, stdout: "web\n", stderr: `smolvm: ${missing}\n` });
  const [db] = await list(cli);
  assertPrinted(await cli.run(["rm", "--force", "--volumes", "db", `${db?.id}`, "db"]), "db\n");
});

Deno.test("smolvm delete asks once on a terminal, deletes after yes, and fails after no", async () => {
  using cli = makeMachinesCli();
  const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state, XDG_RUNTIME_DIR: cli.runtime };
  const question = (name: string) => `Delete machine "${name}" and its disk? [y/N] `;
  const kept = (name: string) => `smolvm: Machine "${name}" was not deleted: the answer was not yes`;
  await create(cli, "web", "db");
  const answers: [args: string, input: string, said: string[], left: string[]][] = [
    ["nope", "", ['smolvm: No such machine: "nope"', "code 1"], ["db", "web"]],
    ["web web db", "n\n\n", [question("web") + kept("web"), question("db") + kept("db"), "code 1"], ["db", "web"]],
    ["web", "\x04", [question("web"), kept("web"), "code 1"], ["db", "web"]],
    ["web | cat", "yes\n", [`${question("web")}web`, "code 0"], ["db"]],
    ["db", "Y\n", [`${question("db")}Deleted VM: db`, "code 0"], []],
  ];
  for (const [args, input, said, left] of answers) {
    // Type only after echo is off.
    const script = `stty -echo; echo ready; NO_COLOR=1 "$SMOLVM" rm ${args}; echo "code $?"; stty echo`;
    await using terminal = onTerminal({ env, rootfs: "" }, script);
    await terminal.untilStdout(/ready\r\n/);
    await terminal.write(input);
    const { stdout } = await terminal.finish();
    assert.deepEqual(stdout.split("ready\r\n")[1]?.split("\r\n"), [...said, "restored", ""], args);
    assert.deepEqual(await namesOf(cli), left);
  }
});

Deno.test("smolvm stop and delete print a sentence on a terminal, and bare names in a pipe", async () => {
  using cli = makeMachinesCli();
  const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state, XDG_RUNTIME_DIR: cli.runtime };
  await create(cli, "web");
  const script = '"$SMOLVM" stop web; "$SMOLVM" stop web web | cat; "$SMOLVM" rm -f web';
  await using terminal = onTerminal({ env, rootfs: "" }, script);
  const { stdout } = await terminal.finish();
  assert.deepEqual(stdout.split("\r\n").slice(1), ["Stopped VM: web", "web", "Deleted VM: web", "restored", ""]);
});

Deno.test("smolvm stop does nothing to a machine that does not run", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const before = await list(cli);
  for (const options of [[], ["--force"], ["--timeout", "0"]]) {
    assertPrinted(await cli.run(["stop", ...options, "web"]), "web\n");
  }
  assert.deepEqual(await list(cli), before);
});

Deno.test("smolvm never signals a process that reuses the process ID of a machine", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const folder = await folderOf(cli, "web");
  const stranger = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    const process = { ...identifyProcess(stranger.pid)!, startTime: "an earlier boot:1" };
    await writeRunning(folder, process);
    {
      using _ = await acquireLock(machineLock(folder), { exclusive: true, wait: true });
      const unknown = 'Cannot kill machine "web": the process that holds it is unknown';
      for (const args of [["stop", "--force"], ["delete", "--force"]]) {
        assertFailed(await cli.run([...args, "web"]), 1, unknown);
      }
      assert.deepEqual((await list(cli)).map(({ state }) => state), ["running"]);
    }
    assert.deepEqual((await list(cli)).map(({ state, reason }) => [state, reason]), [["stopped", "lost"]]);
    assertPrinted(await cli.run(["delete", "--force", "web"]), "web\n");
    assert.notEqual(identifyProcess(stranger.pid), undefined, "it is left alone");
  } finally {
    stranger.kill();
    await stranger.status;
  }
});

Deno.test("smolvm start, stop and delete suggest the nearest name for a missing machine", async () => {
  using cli = makeMachinesCli();
  const commands = [["start"], ["start", "--foreground"], ["stop"], ["stop", "-f"], ["delete", "-f"]];
  for (const command of [["start"], ["stop"], ["delete"]]) {
    assertFailed(await cli.run([...command, "wbe"]), 1, 'No such machine: "wbe"');
  }
  await create(cli, "web", "database");
  for (const command of commands) {
    const { stderr } = await cli.run([...command, "wbe"]);
    assert.equal(stderr, 'smolvm: No such machine: "wbe"\nDid you mean "web"?\n');
  }
  for (const name of ["", "..", "../names/web", "x".repeat(300)]) {
    assertFailed(await cli.run(["stop", name]), 1, `No such machine: "${name}"`);
  }
  assert.deepEqual(await namesOf(cli), ["database", "web"]);
});

Deno.test("smolvm loses no machine and shows no incomplete one when many are made and deleted at once", async () => {
  using cli = makeMachinesCli();
  const names = Array.from({ length: 10 }, (_, index) => `machine-${index}`);
  // Two commands want each name.
  const creates = [...names, ...names].map((name) => cli.run(["create", "--name", name, "root"]));
  const early = [list(cli), list(cli), list(cli)];
  const outcomes = await Promise.all(creates);
  for (const [index, name] of names.entries()) {
    const [won, lost] = [outcomes[index]!, outcomes[index + names.length]!].sort((a, b) => a.code - b.code);
    assertPrinted(won!, `${name}\n`);
    assert.equal(lost!.code, 125);
    assert.match(lost!.stderr, new RegExp(`^smolvm: Cannot name the machine "${name}": machine \\w+ has that name\n$`));
  }
  assert.deepEqual(await namesOf(cli), names);

  const [doomed, kept] = [names.slice(0, 5), names.slice(5)];
  const deletes = [...doomed, ...doomed].map((name) => cli.run(["delete", "-f", name]));
  const late = Array.from({ length: 8 }, () => list(cli));
  const added = ["new-1", "new-2"];
  await create(cli, ...added);
  const printed = (await Promise.all(deletes)).map(({ stdout }) => stdout);
  for (const [index, name] of doomed.entries()) {
    const both = [printed[index], printed[index + doomed.length]].sort();
    assert.deepEqual(both, ["", `${name}\n`], "one of two deletes it");
  }
  for (const machines of await Promise.all([...early, ...late])) {
    assert.deepEqual(machines.filter(({ state }) => state !== "created"), []);
  }
  assert.deepEqual(await namesOf(cli), [...kept, ...added].sort());
  assertCode(await cli.run(["delete", "-f", ...kept, ...added]), 0);
  assert.deepEqual((await takeInventory(cli)).files, []);
});

/** Mounts a small tmpfs on a folder until it is disposed of; `undefined` if it cannot be mounted. */
async function mountSmall(folder: string): Promise<Disposable | undefined> {
  Deno.mkdirSync(folder);
  if (Deno.build.os !== "linux") return undefined;
  const { code } = await runProcess("mount", { args: ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder] });
  if (code !== 0) return undefined;
  return { [Symbol.dispose]: () => void new Deno.Command("umount", { args: [folder] }).outputSync() };
}

Deno.test("smolvm create reports a full disk, leaves no files and harms no other machine", async () => {
  using cli = makeMachinesCli();
  using mount = await mountSmall(cli.state);
  if (!mount) return console.log("skipped: smolvm create on a full disk: only root can mount a small one");
  await create(cli, "web");
  const filled = await runProcess("dd", { args: ["if=/dev/zero", `of=${cli.state}/ballast`, "bs=4k"] });
  assert.notEqual(filled.code, 0, "the disk is full");
  const [before, machines] = [await takeInventory(cli), await list(cli)];
  const { code, stdout, stderr } = await cli.run(["create", "--name", "db", "root"]);
  assert.deepEqual([code, stdout], [125, ""]);
  assert.match(stderr, /^smolvm: Cannot .*: No space left on device\n$/);
  assert.deepEqual(await takeInventory(cli), before);
  assert.deepEqual(await list(cli), machines);
  // Deleting needs no space and frees some.
  assertPrinted(await cli.run(["delete", "-f", "web"]), "web\n");
  await create(cli, "db");
});
