import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { factsOrError, type LibraryReport, parseLibraryReport } from "./library_report.ts";

const roundTrip = (report: LibraryReport) => parseLibraryReport(JSON.stringify(report));

Deno.test("parseLibraryReport() reads facts", () => {
  const report = {
    libkrun: { path: "/k", features: ["BLK"], missing: ["krun_add_vsock"] },
    libkrunfw: { path: "/fw" },
  };
  assert.deepEqual(roundTrip(report), report);
  const old = { ...report, libkrun: { ...report.libkrun, features: null } };
  assert.deepEqual(roundTrip(old), old);
});

Deno.test("parseLibraryReport() reads errors, and factsOrError() makes them", () => {
  const fail = (error: Error) => () => {
    throw error;
  };
  const report = {
    libkrun: factsOrError(fail(new SmolvmError("dependency", "No libkrun", { hint: "Install it." }))),
    libkrunfw: factsOrError(fail(new Error("Oh"))),
  } as LibraryReport;
  assert.deepEqual(report.libkrun, { code: "dependency", message: "No libkrun", hint: "Install it." });
  assert.deepEqual(report.libkrunfw, { code: "internal", message: "Oh", hint: null });
  assert.deepEqual(roundTrip(report), report);
});
