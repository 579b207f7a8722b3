import assert from "node:assert/strict";
import { INPUT_WINDOW, STREAM_WINDOW } from "../protocol/constants.ts";
import type { FrameWriter } from "../protocol/frame_writer.ts";
import { CommandInput } from "./command_input.ts";

/** The credit that a client is given at its first input. */
const MORE = INPUT_WINDOW - STREAM_WINDOW;
/** Clients are told apart by identity alone. */
const [ANN, BOB] = [{}, {}] as [FrameWriter, FrameWriter];

/** An input, what it sent to the guest (bytes, 0 for the end), and the credit that it gave. */
function makeInput() {
  const sent: number[] = [];
  const credits: [client: FrameWriter, bytes: number][] = [];
  const input = new CommandInput({
    send: (data) => sent.push(data.length),
    credit: (client, bytes) => credits.push([client, bytes]),
  });
  return { input, sent, credits };
}

Deno.test("CommandInput keeps to the guest's window and to the order of the input, and divides it", () => {
  const { input, sent } = makeInput();
  input.push(ANN, new Uint8Array(INPUT_WINDOW - 1));
  input.push(BOB, new Uint8Array(2));
  input.push(BOB, new Uint8Array(1));
  assert.deepEqual(sent, [INPUT_WINDOW - 1, 1]);
  input.credit(1);
  assert.deepEqual(sent, [INPUT_WINDOW - 1, 1, 1], "the last one must not overtake");
  input.credit(1);
  assert.deepEqual(sent, [INPUT_WINDOW - 1, 1, 1, 1]);
});

Deno.test("CommandInput sends the end of the input behind what came before it", () => {
  const { input, sent } = makeInput();
  input.push(ANN, new Uint8Array(INPUT_WINDOW));
  input.push(BOB, new Uint8Array(1));
  input.push(BOB, new Uint8Array());
  input.credit(INPUT_WINDOW);
  assert.deepEqual(sent, [INPUT_WINDOW, 1, 0]);
});

Deno.test("CommandInput gives each client the credit for its own bytes", () => {
  const { input, credits } = makeInput();
  input.push(ANN, new Uint8Array(10));
  input.push(BOB, new Uint8Array(20));
  input.push(ANN, new Uint8Array(5));
  input.credit(15);
  input.credit(18);
  assert.deepEqual(credits.splice(0, 2), [[ANN, MORE], [BOB, MORE]], "their window is not that of older runners");
  assert.deepEqual(credits, [[ANN, 10], [BOB, 5], [BOB, 15], [ANN, 3]]);
});

Deno.test("CommandInput loses no credit with a client that is gone", () => {
  const { input, sent, credits } = makeInput();
  input.push(ANN, new Uint8Array(INPUT_WINDOW));
  input.push(BOB, new Uint8Array(INPUT_WINDOW));
  input.forget(ANN);
  input.credit(INPUT_WINDOW);
  assert.deepEqual(sent, [INPUT_WINDOW, INPUT_WINDOW]);
  assert.deepEqual(credits, [[ANN, MORE], [BOB, MORE]]);
});

Deno.test("CommandInput refuses a client that exceeds its window, and a guest that gives credit for nothing", () => {
  const { input } = makeInput();
  input.push(ANN, new Uint8Array(INPUT_WINDOW));
  assert.throws(() => input.push(ANN, new Uint8Array(1)), {
    name: "ProtocolError",
    message: `${INPUT_WINDOW + 1} bytes of input without credit`,
  });
  assert.throws(() => makeInput().input.credit(1), { name: "ProtocolError" });
});
