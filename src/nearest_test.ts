import assert from "node:assert/strict";
import { nearestName } from "./nearest.ts";

Deno.test("nearestName() finds the name with the fewest typing errors", () => {
  for (const word of ["wbe", "web1", "wb", "we", "Web", "eb"]) {
    assert.equal(nearestName(word, ["database", "web"]), "web");
  }
  for (const word of ["databse", "datbse", "dtabes"]) assert.equal(nearestName(word, ["web", "database"]), "database");
  assert.equal(nearestName("webb", ["wab", "web"]), "web");
});

Deno.test("nearestName() returns undefined when no name is similar", () => {
  for (const word of ["", "x", "nope", "webserver", "x".repeat(10_000)]) {
    assert.equal(nearestName(word, ["nl", "db", "web"]), undefined, word);
  }
  assert.equal(nearestName("web", []), undefined);
});
