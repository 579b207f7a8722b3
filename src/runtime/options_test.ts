import assert from "node:assert/strict";
import { describeUpdate } from "./options.ts";

Deno.test("describeUpdate() has what is to be changed, and what is not as it is", () => {
  assert.deepEqual(
    describeUpdate({
      cpus: 2,
      env: { MODE: "a=b" },
      removeEnv: ["TOKEN"],
      volumes: [{ source: "site", target: "/site" }],
      removeVolumes: ["/old"],
      ports: [{ guestPort: 80 }],
      removePorts: [443],
    }),
    {
      cpus: 2,
      memoryMib: undefined,
      workdir: undefined,
      env: ["MODE=a=b"],
      envRm: ["TOKEN"],
      volumes: [{ source: "site", target: "/site", readOnly: false }],
      volumeRm: ["/old"],
      ports: [{ address: "127.0.0.1", hostPort: 0, guestPort: 80 }],
      portRm: [443],
    },
  );
});

Deno.test("describeUpdate() refuses what no machine can have", () => {
  assert.throws(() => describeUpdate({ workdir: "relative" }), {
    code: "usage",
    message: /^Cannot use workdir "relati/,
  });
  assert.throws(() => describeUpdate({ env: { "A=B": "" } }), { code: "usage" });
  assert.throws(() => describeUpdate({ ports: [{ guestPort: 70_000 }] }), { code: "usage" });
});
