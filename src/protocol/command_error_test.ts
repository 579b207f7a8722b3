import assert from "node:assert/strict";
import { commandError } from "./command_error.ts";
import { STAGE } from "./constants.ts";

const EACCES = 13;
const ENOENT = 2;

Deno.test("commandError() distinguishes a missing program from one that cannot be executed", () => {
  for (
    const [errno, code] of [[ENOENT, "not-found"], [20, "not-found"], [36, "not-found"], [40, "not-found"]] as const
  ) {
    assert.equal(commandError({ errno, stage: STAGE.EXEC, text: "x" }).code, code, `errno ${errno}`);
  }
  for (const errno of [EACCES, 8, 7, 21]) {
    assert.equal(commandError({ errno, stage: STAGE.EXEC, text: "x" }).code, "not-executable", `errno ${errno}`);
  }
});

Deno.test("commandError() distinguishes a missing working directory from one that cannot be entered", () => {
  assert.equal(commandError({ errno: ENOENT, stage: STAGE.CWD, text: "/x" }).code, "not-found");
  assert.equal(commandError({ errno: EACCES, stage: STAGE.CWD, text: "/x" }).code, "usage");
});

Deno.test("commandError() names the program, user or folder and the reason", () => {
  const messages = [
    [STAGE.EXEC, ENOENT, "x", 'Cannot find "x" in the guest: No such file or directory (ENOENT)'],
    [STAGE.EXEC, ENOENT, "/x: interpreter /y not found", 'Cannot run "/x" in the guest: interpreter /y not found'],
    [STAGE.EXEC, EACCES, "x", 'Cannot execute "x" in the guest: Permission denied (EACCES)'],
    [STAGE.USER, ENOENT, "user x", 'Cannot run as user "x": there is none in the guest'],
    [STAGE.USER, ENOENT, "group x", 'Cannot run as group "x": there is none in the guest'],
    [STAGE.CWD, EACCES, "x", 'Cannot enter the working directory "x": Permission denied (EACCES)'],
    [STAGE.SPAWN, 12, "x", "Cannot start the command in the guest: x: Cannot allocate memory (ENOMEM)"],
    [99, 12, "x", "Cannot start the command in the guest: x: Cannot allocate memory (ENOMEM)"],
  ] as const;
  for (const [stage, errno, text, message] of messages) {
    assert.equal(commandError({ stage, errno, text }).message, message);
  }
});
