/**
 * Programs for seccomp(2): instructions of bpf(4) over one system call's number, architecture and arguments.
 *
 * @module
 */

/** One instruction: its code, how many to skip when a comparison holds and when not, and its operand. */
export type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

const [LOAD, AND, JUMP, JUMP_EQUAL, JUMP_GREATER, JUMP_AT_LEAST, JUMP_SET, RETURN] = //
  [0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06];
const [ALLOW, ERRNO, KILL] = [0x7fff0000, 0x00050000, 0x80000000];
// Of `struct seccomp_data`.
const [OFFSET_NUMBER, OFFSET_ARCH, OFFSET_ARGUMENTS] = [0, 4, 16];

/** What becomes of a call; a number is the errno that it fails with, 0 a success without the call. */
export type FilterVerdict = "allow" | "kill" | number;

/** Decides. */
export function verdict(verdict: FilterVerdict): Instruction {
  if (verdict === "allow") return returns(ALLOW);
  return returns(verdict === "kill" ? KILL : ERRNO | verdict);
}

/** Decides by a number of seccomp(2), SECCOMP_RET_*. */
export function returns(action: number): Instruction {
  return [RETURN, 0, 0, action];
}

/** Loads the number of the call. */
export const loadNumber: Instruction = [LOAD, 0, 0, OFFSET_NUMBER];
/** Loads the architecture that the call was made for. */
export const loadArch: Instruction = [LOAD, 0, 0, OFFSET_ARCH];

/** Loads the lower half of an argument, all of it where the kernel takes an `int`. */
export function loadArgument(index: number): Instruction {
  return [LOAD, 0, 0, OFFSET_ARGUMENTS + 8 * index];
}

/** Loads the upper half of an argument. */
export function loadUpperHalf(index: number): Instruction {
  return [LOAD, 0, 0, OFFSET_ARGUMENTS + 8 * index + 4];
}

/** Keeps those bits of what is loaded. */
export function mask(bits: number): Instruction {
  return [AND, 0, 0, bits];
}

/** Runs `body`, which decides, when what is loaded has that value. */
export function whenEqual(value: number, body: readonly Instruction[]): Instruction[] {
  return [jumpEqual(value, 0, body.length), ...body];
}

/** Runs `body`, which decides, when what is loaded has another value. */
export function unlessEqual(value: number, body: readonly Instruction[]): Instruction[] {
  return [jumpEqual(value, body.length, 0), ...body];
}

/** Runs `body`, which decides, when what is loaded has one of those bits. */
export function whenAnyBit(bits: number, body: readonly Instruction[]): Instruction[] {
  return [[JUMP_SET, 0, body.length, bits], ...body];
}

/** Skips `yes` instructions when what is loaded equals the value, else `no`. */
export function jumpEqual(value: number, yes: number, no: number): Instruction {
  return [JUMP_EQUAL, yes, no, value];
}

/** The same when it is greater, as a number without a sign. */
export function jumpGreater(value: number, yes: number, no: number): Instruction {
  return [JUMP_GREATER, yes, no, value];
}

/** The same when it is greater or equal. */
export function jumpAtLeast(value: number, yes: number, no: number): Instruction {
  return [JUMP_AT_LEAST, yes, no, value];
}

/** Skips that many instructions: more than the others can. */
export function jump(count: number): Instruction {
  return [JUMP, 0, 0, count];
}

/** Decides so when what is loaded has one of those values. */
export function whenOneOf(values: readonly number[], decision: FilterVerdict): Instruction[] {
  return values.flatMap((value) => whenEqual(value, [verdict(decision)]));
}

/** The program as the kernel takes it. */
export function assemble(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, value, true);
  }
  return bytes;
}
