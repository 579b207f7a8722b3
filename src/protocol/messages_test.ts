import assert from "node:assert/strict";
import { STAGE } from "./constants.ts";
import {
  decodeExec,
  decodeExited,
  decodeFailure,
  decodeU32,
  decodeU32s,
  decodeWindowSize,
  encodeExec,
  encodeExited,
  encodeFailure,
  encodeU32s,
} from "./messages.ts";
import { ProtocolError } from "./payload.ts";

Deno.test("decodeU32s() decodes exactly the requested number of values", () => {
  assert.deepEqual(decodeU32s(encodeU32s(1, 2 ** 32 - 1), 2), [1, 2 ** 32 - 1]);
  assert.throws(() => decodeU32s(encodeU32s(1, 2), 3), ProtocolError);
  assert.throws(() => decodeU32(encodeU32s(1, 2)), ProtocolError);
});

Deno.test("decodeWindowSize() reads rows first", () => {
  assert.deepEqual(decodeWindowSize(encodeU32s(24, 80)), { rows: 24, columns: 80 });
});

Deno.test("decodeWindowSize() and decodeExec() refuse values that the agent would refuse", () => {
  const exec = {
    tty: { rows: 65_535, columns: 0 },
    stdin: false,
    cwd: "",
    makeCwd: true,
    pid1: true,
    user: "",
    argv: [""],
    env: [],
  };
  assert.deepEqual(decodeExec(encodeExec(exec)), exec);
  for (const tty of [{ rows: 65_536, columns: 80 }, { rows: 24, columns: 65_536 }]) {
    assert.throws(() => decodeWindowSize(encodeU32s(tty.rows, tty.columns)), ProtocolError);
    assert.throws(() => decodeExec(encodeExec({ ...exec, tty })), ProtocolError);
  }
  assert.throws(() => decodeExec(encodeExec({ ...exec, argv: [] })), ProtocolError);
});

Deno.test("decodeExited() reads what encodeExited() wrote", () => {
  const memory = { oomKilled: true };
  for (
    const status of [{ code: 0 }, { code: 255 }, { signal: 1 }, { signal: 127 }, { signal: 9, ...memory }, {
      code: 137,
      ...memory,
    }]
  ) {
    assert.deepEqual(decodeExited(encodeExited(status)), status);
  }
});

Deno.test("decodeExited() refuses impossible exit statuses", () => {
  for (const [kind, value] of [[0, 256], [1, 0], [1, 128], [2, 256], [3, 0], [4, 0], [2 ** 32 - 1, 1]] as const) {
    assert.throws(() => decodeExited(encodeU32s(kind, value)), {
      name: "ProtocolError",
      message: `exit status ${kind}/${value}`,
    });
  }
});

Deno.test("decodeFailure() reads what encodeFailure() wrote", () => {
  const failure = { errno: 2, stage: STAGE.EXEC, text: "/bin/\u{e4}" };
  assert.deepEqual(decodeFailure(encodeFailure(failure)), failure);
  assert.throws(() => decodeFailure(new Uint8Array([...encodeFailure(failure), 0])), ProtocolError);
});
