import assert from "node:assert/strict";
import {
  addressesIn,
  emptyAnswer,
  idOf,
  isResponse,
  isTruncated,
  parseQuestion,
  RESPONSE_CODE,
  withId,
} from "./dns_message.ts";

/** Makes a message with one question, followed by `rest`. */
function message(name: number[], { flags = 0x0100, answers = 0, rest = [] as number[] } = {}): Uint8Array {
  return new Uint8Array([
    0x12,
    0x34,
    flags >> 8,
    flags & 255,
    0,
    1,
    0,
    answers,
    0,
    0,
    0,
    0,
    ...name,
    0,
    1,
    0,
    1,
    ...rest,
  ]);
}

const label = (text: string) => [text.length, ...new TextEncoder().encode(text)];
const EXAMPLE = [...label("Example"), ...label("com"), 0];
const POINTER = [0xc0, 12];

Deno.test("parseQuestion() returns the name in lower case and the end of the question", () => {
  const query = message(EXAMPLE);
  assert.deepEqual(parseQuestion(query), { name: "example.com", type: 1, class: 1, end: query.length });
  assert.equal(parseQuestion(message([...label("a.b"), 0]))?.name, "a\\46b");
  assert.equal(parseQuestion(message([0]))?.name, "");
});

Deno.test("parseQuestion() refuses malformed messages", () => {
  const malformed: Uint8Array[] = [
    new Uint8Array(0),
    message(EXAMPLE).subarray(0, 11),
    message(EXAMPLE).subarray(0, -1),
    message([0xc0, 12]), // itself
    message([0xc0, 200]),
    message([0x40, 1, 0]),
    message([63, 1, 2]),
    message([...Array(5).fill(label("a".repeat(63))).flat(), 0]),
    Object.assign(message(EXAMPLE), { 5: 2 }),
  ];
  for (const bytes of malformed) assert.equal(parseQuestion(bytes), undefined, `${bytes}`);
});

Deno.test("addressesIn() returns IPv4 and IPv6 addresses, up to the first malformed record", () => {
  const record = (type: number, data: number[]) => [...POINTER, 0, type, 0, 1, 0, 0, 1, 44, 0, data.length, ...data];
  const good = [...record(5, POINTER), ...record(1, [9, 9, 9, 10]), ...record(28, Array(16).fill(1))];
  const answer = message(EXAMPLE, { flags: 0x8180, answers: 4, rest: [...good, ...record(1, [1, 2, 3, 4])] });
  const ONES = 0x0101_0101_0101_0101_0101_0101_0101_0101n;
  const found = [0x0909090a, ONES, 0x01020304].map((address) => ({ address, seconds: 300 }));
  assert.deepEqual(addressesIn(answer, parseQuestion(answer)!), found);
  assert.deepEqual(addressesIn(answer.subarray(0, -1), parseQuestion(answer)!), found.slice(0, 2));
  const odd = message(EXAMPLE, { answers: 1, rest: record(1, [1, 2, 3, 4, 5]) });
  assert.deepEqual(addressesIn(odd, parseQuestion(odd)!), []);
});

Deno.test("emptyAnswer() answers the question, and withId() changes only the ID", () => {
  const query = message(EXAMPLE, { rest: [1, 2, 3] });
  const answer = emptyAnswer(query, parseQuestion(query)!, RESPONSE_CODE.noSuchName);
  assert.ok(isResponse(answer) && !isResponse(query) && !isTruncated(answer));
  assert.deepEqual([answer[2], answer[3]! & 15, idOf(answer)], [0x81, 3, 0x1234]);
  assert.equal(parseQuestion(answer)?.name, "example.com");
  const other = withId(query, 0xabcd);
  assert.deepEqual([idOf(other), idOf(query), other.length], [0xabcd, 0x1234, query.length]);
});
