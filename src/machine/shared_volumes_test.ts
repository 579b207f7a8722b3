import assert from "node:assert/strict";
import { makeRecord } from "../../tests/helpers/machines.ts";
import type { FoundMachine } from "../state/lookup.ts";
import type { VolumeSpec } from "../state/machine_record.ts";
import { CREATED, type MachineStatus } from "../state/status.ts";
import { findSharedVolumes } from "./shared_volumes.ts";

const FOLDERS = { folder: "/state", runtimeFolder: "/runtime", ephemeral: false };

function volume(source: string, readOnly = false): VolumeSpec {
  return { source, target: "/data", readOnly };
}

function found(name: string, volumes: VolumeSpec[], state: MachineStatus["state"] = "running"): FoundMachine {
  return { id: name, ...FOLDERS, record: makeRecord({ id: name, name, volumes }), status: { ...CREATED, state } };
}

Deno.test("findSharedVolumes() finds running machines that can write to the folder, a parent or a subfolder", () => {
  const mine = makeRecord({ id: "mine", volumes: [volume("/srv/data"), volume("/srv/seen", true)] });
  const others = [
    found("same", [volume("/srv/data")]),
    found("starting", [volume("/srv/data")], "starting"),
    found("inside", [volume("/srv/data/db")]),
    found("around", [volume("/else"), volume("/")]),
    found("stopped", [volume("/srv/data")], "stopped"),
    found("reader", [volume("/srv/data", true)]),
    found("beside", [volume("/srv/data2"), volume("/srv/seen")]),
    found("mine", [volume("/srv/data")]),
  ];
  const names = findSharedVolumes(mine, others).map(({ name, folder }) => `${name} ${folder}`);
  assert.deepEqual(names, ["same /srv/data", "starting /srv/data", "inside /srv/data", "around /srv/data"]);
  assert.deepEqual(findSharedVolumes(makeRecord({ volumes: [volume("/srv/data", true)] }), others), []);
});
