import assert from "node:assert/strict";
import { withMachines } from "../../tests/helpers/machines.ts";
import { createNetwork, removeNetwork } from "./networks.ts";

Deno.test("createNetwork() chooses a free range of addresses, and refuses a taken or invalid one", () =>
  withMachines(async () => {
    assert.equal((await createNetwork("one", { subnet: "10.127.0.0/24" })).subnet, "10.127.0.0/24");
    assert.equal((await createNetwork("two")).subnet, "10.127.1.0/24");
    await removeNetwork("one");
    assert.equal((await createNetwork("three")).subnet, "10.127.0.0/24");
    await assert.rejects(createNetwork("four", { subnet: "10.127.1.0/24" }), {
      code: "usage",
      message: 'Cannot create the network "four": the network "two" has the range 10.127.1.0/24',
    });
    const invalid = ["", "10.5.0.0", "10.5.0.0/16", "10.5.0.1/24", "8.8.8.0/24", "192.168.127.0/24", "fd00::/24", "x"];
    for (const subnet of invalid) {
      await assert.rejects(createNetwork("four", { subnet }), { code: "usage", message: /expected a private/ }, subnet);
    }
  }));
