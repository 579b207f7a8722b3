// Networks of machines without a VM.
import assert from "node:assert/strict";
import { type Cli, makeCli } from "../helpers/cli.ts";
import { assertCode, type Outcome } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";

function makeNetworksCli(): Cli {
  const cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  return cli;
}

function assertPrinted({ code, stdout, stderr }: Outcome, expected: string): void {
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: "" });
}

/** `lines` are the message and the hint. */
function assertFailed({ code, stdout, stderr }: Outcome, expected: number, ...lines: string[]): void {
  const said = `smolvm: ${lines.map((line) => `${line}\n`).join("")}`;
  assert.deepEqual({ code, stdout, stderr }, { code: expected, stdout: "", stderr: said });
}

Deno.test("smolvm network create, ls, inspect and rm make, show and remove networks", async () => {
  using cli = makeNetworksCli();
  assertPrinted(await cli.run(["network", "ls"]), "NAME   SUBNET   MACHINES   CREATED\n");
  for (const name of ["shop", "app"]) assertPrinted(await cli.run(["network", "create", name]), `${name}\n`);
  const taken = 'Cannot create the network "app": a network with that name exists';
  assertFailed(await cli.run(["network", "create", "app"]), 125, taken);
  assertPrinted(
    await cli.run(["create", "--name", "db", "--network", "app", "--network-alias", "sql", "root"]),
    "db\n",
  );
  const { stdout } = await cli.run(["network", "ls"]);
  assert.match(
    stdout,
    /^NAME +SUBNET +MACHINES +CREATED *\napp +10\.127\.1\.0\/24 +db +\d+ \w+ ago\nshop +10\.127\.0\.0\/24 +- +/,
  );
  assertPrinted(await cli.run(["network", "list", "-q"]), "app\nshop\n");
  const [{ id, created, ...network }] = JSON.parse((await cli.run(["network", "inspect", "app"])).stdout);
  assert.match(id, /^[0-9a-f]{12}$/);
  assert.ok(Date.parse(created) > 0);
  const place = { subnet: "10.127.1.0/24", gateway: "192.168.127.1" };
  assert.deepEqual(network, { name: "app", machines: ["db"], ...place, members: [] });
  const used = 'Cannot remove network "app": machine "db" uses it';
  assertFailed(await cli.run(["network", "rm", "app"]), 1, used, "Delete the machines first.");
  assertPrinted(await cli.run(["delete", "--force", "db"]), "db\n");
  assertPrinted(await cli.run(["network", "rm", "app"]), "app\n");
  assertFailed(await cli.run(["network", "rm", "sho"]), 1, 'No such network: "sho"', 'Did you mean "shop"?');
  assertFailed(await cli.run(["network", "rm", "--force", "sho"]), 0, 'No such network: "sho"', 'Did you mean "shop"?');
  assertPrinted(await cli.run(["network", "ls", "-q"]), "shop\n");
});

Deno.test("smolvm network create refuses an invalid name, and an address range in use", async () => {
  using cli = makeNetworksCli();
  const expected = "expected up to 63 of a-z 0-9 _ -, the first and last a letter or digit, and no word such as host";
  for (const name of ["App", "a.b", "../a", "host", "none"]) {
    assertFailed(await cli.run(["network", "create", name]), 125, `Cannot create the network "${name}": ${expected}`);
  }
  assertPrinted(await cli.run(["network", "create", "--subnet", "10.5.0.0/24", "one"]), "one\n");
  const taken = 'Cannot create the network "two": the network "one" has the range 10.5.0.0/24';
  assertFailed(await cli.run(["network", "create", "--subnet", "10.5.0.0/24", "two"]), 125, taken);
});

Deno.test("smolvm network prune removes unused networks, after asking", async () => {
  using cli = makeNetworksCli();
  for (const name of ["one", "two", "used"]) await cli.run(["network", "create", name]);
  assertCode(await cli.run(["create", "--name", "web", "--network", "used", "root"]), 0);
  const question = "Cannot ask whether to prune: standard input is not a terminal";
  assertFailed(await cli.run(["network", "prune"]), 125, question, "Use --force to prune without a prompt.");
  {
    await using terminal = onTerminal({ env: cli.env, rootfs: "" }, '"$SMOLVM" network prune');
    await terminal.untilStdout(/one\s+two\s+Remove these networks\? \[y\/N\]/);
    await terminal.write("n\n");
    await terminal.untilStdout(/Nothing was removed/);
  }
  assertPrinted(await cli.run(["network", "prune", "--force"]), "one\ntwo\n");
  assertPrinted(await cli.run(["network", "ls", "-q"]), "used\n");
  assertPrinted(await cli.run(["network", "prune"].concat("--force")), "");
});

Deno.test("smolvm create stores networks from options and a Smolfile, and start reports a missing network", async () => {
  using cli = makeNetworksCli();
  for (const name of ["app", "back"]) assertCode(await cli.run(["network", "create", name]), 0);
  await Deno.writeTextFile(`${cli.folder}/Smolfile`, 'image = "root"\nnetworks = ["app"]\nnetwork_aliases = ["db"]\n');
  const create = (...args: string[]) => cli.run(["create", ...args]);
  assertCode(await create("--name", "one", "-f", "Smolfile", "--network", "back", "--network-alias", "sql"), 0);
  assertCode(await create("--name", "two", "-f", "Smolfile", "--network", "none"), 0);
  assertCode(await create("--name", "three", "--network", "app", "--deny-net", "db", "root"), 0);
  const machines = JSON.parse((await cli.run(["list", "--json"])).stdout) as Record<string, unknown>[];
  assert.deepEqual(
    machines.map(({ name, net, networks, networkAliases }) => [name, net, networks, networkAliases]),
    [["one", false, ["app", "back"], ["db", "sql"]], ["two", false, [], []], ["three", false, ["app"], []]],
  );
  await Deno.remove(`${cli.state}/smolvm/networks/app.json`);
  const hint = "Make it: smolvm network create app";
  assertFailed(await cli.run(["start", "one"]), 1, 'No such network: "app"', hint);
});
