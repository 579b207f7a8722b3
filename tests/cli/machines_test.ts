// Machines that persist, as far as they go without a VM.
import assert from "node:assert/strict";
import { identifyProcess } from "../../src/host/process_identity.ts";
import { acquireLock } from "../../src/state/lock.ts";
import { CREATED, machineLock, writeStatus } from "../../src/state/status.ts";
import { assertNothingLeft, type Cli, makeCli } from "../helpers/cli.ts";
import { takeInventory } from "../helpers/inventory.ts";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";

const seeHelp = (command: string) => `Run 'smolvm ${command} --help' for more.`;
const HEADER = "NAME   STATE   CPUS   MEMORY   PID   ROOTFS\n";

/** A `smolvm` whose folder holds an empty folder `root`. */
function makeMachinesCli(): Cli {
  const cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  return cli;
}

/** Makes machines with those names. */
async function create(cli: Cli, ...names: string[]): Promise<void> {
  for (const name of names) assertPrinted(await cli.run(["create", "--name", name, "root"]), `${name}\n`);
}

/** What `smolvm list --json` prints of each machine. */
async function list(cli: Cli): Promise<Record<string, unknown>[]> {
  const outcome = await cli.run(["list", "--json"]);
  assertCode(outcome, 0);
  assert.equal(outcome.stderr, "");
  return JSON.parse(outcome.stdout);
}

async function namesOf(cli: Cli): Promise<unknown[]> {
  return (await list(cli)).map(({ name, state }) => name ?? state).sort();
}

/** The folder of the machine with that name. */
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
    ports: [{ address: "127.0.0.1", hostPort: 8080, guestPort: 80 }],
    net: false,
    dns: null,
    hostname: "web",
    command: undefined,
    stopSignal: 15,
    ephemeral: false,
    state: "created",
    started: null,
    reason: null,
    error: null,
    pid: null,
    exitCode: null,
    exitSignal: null,
  });
});

Deno.test("smolvm create names a machine that was given no name", async () => {
  using cli = makeMachinesCli();
  const outcome = await cli.run(["create", "root"]);
  assert.match(outcome.stdout, /^[a-z]+-[a-z]+-[0-9a-f]{4}\n$/);
  assertPrinted(outcome, outcome.stdout);
  assert.deepEqual(await namesOf(cli), [outcome.stdout.trim()]);
});

Deno.test("smolvm create --disk makes a sparse disk of that size", async () => {
  using cli = makeMachinesCli();
  assertPrinted(await cli.run(["create", "--name", "big", "--disk", "40g", "root"]), "big\n");
  assert.equal((await list(cli))[0]?.diskBytes, 40 * 2 ** 30);
  const { size, blocks } = Deno.statSync(`${await folderOf(cli, "big")}/disk.img`);
  assert.equal(size, 40 * 2 ** 30);
  assert.ok(blocks! * 512 < 2 ** 20, `${blocks} blocks`);
});

Deno.test("smolvm create takes what the configuration says", async () => {
  using cli = makeMachinesCli();
  assertCode(await cli.run(["create", "root"], { config: "default_cpus = 3\ndefault_mem = 192\n" }), 0);
  const [machine] = await list(cli);
  assert.deepEqual([machine?.cpus, machine?.memoryMib], [3, 192]);
});

Deno.test("smolvm create refuses what no machine can be, and leaves nothing", async () => {
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
    [["-m", "1m", "root"], "Cannot give the machine 1 MiB of memory: expected 128 to 16777216 MiB"],
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

Deno.test("smolvm create refuses a name that is taken, names its holder and leaves that as it is", async () => {
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

Deno.test("smolvm rename gives a machine another name, and leaves all else", async () => {
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

Deno.test("smolvm rename gives a name to one of those who want it at once", async () => {
  using cli = makeMachinesCli();
  const names = ["a", "b", "c", "d"];
  await create(cli, ...names);
  const outcomes = await Promise.all(names.map((name) => cli.run(["rename", name, "web"])));
  assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 1, 1, 1]);
  const winner = names[outcomes.findIndex(({ code }) => code === 0)];
  assert.deepEqual(await namesOf(cli), [...names.filter((name) => name !== winner), "web"]);
});

Deno.test("smolvm update changes what a machine is, and prints its name", async () => {
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
    ports: [443, 81].map((port) => ({ address: "127.0.0.1", hostPort: port === 443 ? 8443 : 81, guestPort: port })),
    command,
  });
});

Deno.test("smolvm update refuses what a machine cannot be, and nothing at all, and changes nothing", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const before = await takeInventory(cli);
  const machines = await list(cli);
  const refused: [args: string[], code: number, ...lines: string[]][] = [
    [
      ["web"],
      125,
      'Cannot update machine "web": no option says what to change',
      "Run 'smolvm update --help' for those that do.",
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
    await writeStatus(folder, { ...CREATED, state: "running", process: identifyProcess(Deno.pid)! });
    const running = await cli.run(["update", "-c", "2", "web"]);
    assertFailed(running, 1, 'Cannot update machine "web": it is running', "Stop it first.");
    await writeStatus(folder, CREATED);
  }
  assert.deepEqual(await list(cli), machines);
  assert.deepEqual(await takeInventory(cli), before);
});

Deno.test("smolvm list has a table, the oldest machine first, and only its header without machines", async () => {
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

Deno.test("smolvm list --verbose has more of each machine", async () => {
  using cli = makeMachinesCli();
  const options = ["-v", "root:/a:ro", "-v", "root:/b", "-p", "8080:80", "-p", "[::1]:81:80"];
  const args = ["create", "--name", "web", ...options, "root", "echo", "a b"];
  assertCode(await cli.run(args), 0);
  const { stdout } = await cli.run(["list", "-v"]);
  const [header, row] = stdout.split("\n").map((line) => line.split(/ {2,}/));
  const [columns, cells] = [header!.slice(-8), row!.slice(-8)];
  assert.deepEqual(columns, ["ID", "DIGEST", "COMMAND", "CREATED", "UPTIME", "PORTS", "MOUNTS", "EXIT"]);
  const age = cells.splice(3, 1)[0]!;
  assert.match(age, /^\d+ (second|minute)s? ago$/);
  const root = `${cli.folder}/root`;
  const [id, ports, mounts] = [
    (await list(cli))[0]?.id,
    "127.0.0.1:8080->80/tcp,[::1]:81->80/tcp",
    `${root}:/a:ro,${root}:/b`,
  ];
  assert.deepEqual(cells, [id, "-", "echo a b", "-", ports, mounts, "-"]);
});

Deno.test("smolvm list has JSON and names for programs, also without machines", async () => {
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

Deno.test("smolvm list shows all of a line on a terminal that does not say how wide it is", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state };
  await using terminal = onTerminal({ env, rootfs: "" }, 'stty cols 0; "$SMOLVM" list');
  const { stdout } = await terminal.finish();
  assert.ok(stdout.includes(`${cli.folder}/root`), stdout);
});

Deno.test("smolvm list --filter has the machines of any of the states, and with any of the parts of a name", async () => {
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
      ["state=up", "Expected one of created, starting, running, stopping, stopped, failed, unreadable."],
    ]
  ) {
    const message = `Option '--filter <key=value>' argument '${filter}' is invalid. ${reason}`;
    assertFailed(await cli.run(["list", "--filter", filter!]), 125, message, seeHelp("list"));
  }
});

Deno.test("smolvm shows machines that cannot be read, and why, and leaves the others alone", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web", "db");
  const folder = await folderOf(cli, "web");
  const id = folder.slice(folder.lastIndexOf("/") + 1);
  Deno.truncateSync(`${folder}/status.json`, 10);
  const error = `"${folder}/status.json" is not JSON`;
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
  assertPrinted(await cli.run(["delete", "-f", "web"]), "Deleted VM: web\n");
  assert.deepEqual(await namesOf(cli), ["db"]);
});

Deno.test("smolvm needs no configuration to list, stop and delete machines", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const config = "default_cpu = 1";
  assertPrinted(await cli.run(["list", "-q"], { config }), "web\n");
  assertPrinted(await cli.run(["stop", "web"], { config }), "Stopped VM: web\n");
  const { code, stderr } = await cli.run(["create", "root"], { config });
  assert.equal(code, 125);
  assert.match(stderr, /^smolvm: ".*", line 1: unknown key "default_cpu"\nDid you mean default_cpus\?\n$/);
  assertPrinted(await cli.run(["delete", "-f", "web"], { config }), "Deleted VM: web\n");
});

Deno.test("smolvm delete leaves nothing of a machine, and asks nobody who cannot answer", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web", "db");
  const [web] = await list(cli);
  for (const command of ["delete", "rm"]) {
    assertFailed(
      await cli.run([command, "web"]),
      125,
      "Cannot ask whether to delete: standard input is not a terminal",
      "To delete without being asked, use --force.",
    );
  }
  assert.deepEqual(await namesOf(cli), ["db", "web"]);
  // By the beginning of its id, too.
  assertPrinted(await cli.run(["rm", "--force", `${web?.id}`.slice(0, 10)]), "Deleted VM: web\n");
  assertPrinted(await cli.run(["delete", "-f", "db"]), "Deleted VM: db\n");
  assertPrinted(await cli.run(["list"]), HEADER);
  assert.deepEqual((await takeInventory(cli)).files, []);
});

Deno.test("smolvm delete goes on when one of several is missing", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web", "db", "cache");
  const { code, stdout, stderr } = await cli.run(["delete", "-f", "web", "dbs", "cache"]);
  assert.deepEqual({ code, stdout, stderr }, {
    code: 1,
    stdout: "Deleted VM: web\nDeleted VM: cache\n",
    stderr: 'smolvm: No such machine: "dbs"\nDid you mean "db"?\n',
  });
  assert.deepEqual(await namesOf(cli), ["db"]);
});

Deno.test("smolvm stop leaves a machine alone that does not run", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const before = await list(cli);
  for (const options of [[], ["--force"], ["--timeout", "0"]]) {
    assertPrinted(await cli.run(["stop", ...options, "web"]), "Stopped VM: web\n");
  }
  assert.deepEqual(await list(cli), before);
});

Deno.test("smolvm never signals a process that only has the process id of a machine's", async () => {
  using cli = makeMachinesCli();
  await create(cli, "web");
  const folder = await folderOf(cli, "web");
  const stranger = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    const process = { ...identifyProcess(stranger.pid)!, startTime: "an earlier boot:1" };
    await writeStatus(folder, { ...CREATED, state: "running", process });
    {
      using _ = await acquireLock(machineLock(folder), { exclusive: true, wait: true });
      const unknown = 'Cannot kill machine "web": the process that holds it is unknown';
      for (const args of [["stop", "--force"], ["delete", "--force"]]) {
        assertFailed(await cli.run([...args, "web"]), 1, unknown);
      }
      assert.deepEqual((await list(cli)).map(({ state }) => state), ["running"]);
    }
    assert.deepEqual((await list(cli)).map(({ state, reason }) => [state, reason]), [["stopped", "lost"]]);
    assertPrinted(await cli.run(["delete", "--force", "web"]), "Deleted VM: web\n");
    assert.notEqual(identifyProcess(stranger.pid), undefined, "it is left alone");
  } finally {
    stranger.kill();
    await stranger.status;
  }
});

Deno.test("smolvm start, stop and delete name the nearest machine, if one is near, when there is none of that name", async () => {
  using cli = makeMachinesCli();
  const commands = [["start"], ["start", "--foreground"], ["stop"], ["stop", "-f"], ["delete", "-f"]];
  for (const command of [["start"], ["stop"], ["delete", "-f"]]) {
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

Deno.test("smolvm loses no machine and shows none by halves when many are made and deleted at once", async () => {
  using cli = makeMachinesCli();
  const names = Array.from({ length: 10 }, (_, index) => `machine-${index}`);
  // Each name is wanted twice.
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
  const codes = (await Promise.all(deletes)).map(({ code }) => code);
  for (const index of doomed.keys()) {
    assert.deepEqual([codes[index], codes[index + doomed.length]].sort(), [0, 1], "one of two deletes it");
  }
  for (const machines of await Promise.all([...early, ...late])) {
    assert.deepEqual(machines.filter(({ state }) => state !== "created"), []);
  }
  assert.deepEqual(await namesOf(cli), [...kept, ...added].sort());
  assertCode(await cli.run(["delete", "-f", ...kept, ...added]), 0);
  assert.deepEqual((await takeInventory(cli)).files, []);
});

/** A small file system in memory in place of a folder until it is disposed of; `undefined` where none can be mounted. */
async function mountSmall(folder: string): Promise<Disposable | undefined> {
  Deno.mkdirSync(folder);
  if (Deno.build.os !== "linux") return undefined;
  const { code } = await runProcess("mount", { args: ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder] });
  if (code !== 0) return undefined;
  return { [Symbol.dispose]: () => void new Deno.Command("umount", { args: [folder] }).outputSync() };
}

Deno.test("smolvm create on a full disk says so, leaves nothing and harms no other machine", async () => {
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
  // Which takes no space, but makes some.
  assertPrinted(await cli.run(["delete", "-f", "web"]), "Deleted VM: web\n");
  await create(cli, "db");
});
