import assert from "node:assert/strict";
import { withMachines } from "../../tests/helpers/machines.ts";
import { exists } from "../host/files.ts";
import { createNetwork, findNetwork, listNetworks, networksFolder, removeNetwork, socketsFolder } from "./networks.ts";

const anySubnet = () => "10.127.0.0/24";

Deno.test("createNetwork() creates a network once, and findNetwork() and listNetworks() find it", () =>
  withMachines(async () => {
    const made = await createNetwork("app", anySubnet);
    assert.match(made.id, /^[0-9a-f]{12}$/);
    assert.deepEqual(findNetwork("app"), made);
    const other = await createNetwork("a", anySubnet);
    assert.deepEqual(listNetworks(), [other, made]);
    await assert.rejects(createNetwork("app", anySubnet), {
      code: "usage",
      message: 'Cannot create the network "app": a network with that name exists',
    });
    assert.deepEqual(findNetwork("app"), made);
  }));

Deno.test("createNetwork() refuses names that are not DNS labels, and docker's reserved words", () =>
  withMachines(async () => {
    const names = [
      "",
      "App",
      "-a",
      "a-",
      "a.b",
      "a/b",
      "..",
      "a b",
      "a".repeat(64),
      "none",
      "host",
      "bridge",
      "default",
    ];
    for (const name of names) await assert.rejects(createNetwork(name, anySubnet), { code: "usage" }, name);
    assert.deepEqual(listNetworks(), []);
    await createNetwork("a".repeat(63), anySubnet);
    await createNetwork("my_net-1", anySubnet);
  }));

Deno.test("findNetwork() suggests what to do when there is no such network", () =>
  withMachines(async () => {
    assert.throws(() => findNetwork("app"), { code: "no-network", hint: "Make it: smolvm network create app" });
    await createNetwork("apps", anySubnet);
    assert.throws(() => findNetwork("app"), { code: "no-network", hint: 'Did you mean "apps"?' });
    assert.throws(() => findNetwork("../../etc"), { code: "no-network" });
  }));

Deno.test("removeNetwork() removes the record and the sockets, unless `check` throws", () =>
  withMachines(async () => {
    const network = await createNetwork("app", anySubnet);
    Deno.mkdirSync(socketsFolder(network), { recursive: true });
    const refuse = () => {
      throw new Error("used");
    };
    await assert.rejects(removeNetwork("app", refuse), /used/);
    assert.deepEqual(findNetwork("app"), network);
    await removeNetwork("app", () => {});
    assert.equal(exists(socketsFolder(network)), false);
    await assert.rejects(removeNetwork("app", () => {}), { code: "no-network" });
  }));

Deno.test("listNetworks() fails for a record that it cannot read, and names its file", () =>
  withMachines(async () => {
    await createNetwork("app", anySubnet);
    await Deno.writeTextFile(`${networksFolder()}/app.json`, '{"schema":1,"name":"app"}');
    assert.throws(listNetworks, { code: "state", message: /app\.json": id is missing/ });
  }));
