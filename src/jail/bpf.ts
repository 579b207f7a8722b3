/**
 * Programs for seccomp(2): bpf(4) instructions that check the number, architecture and arguments of a system call.
 *
 * @module
 */

/** An instruction: its code, how many instructions to skip if a comparison is true or false, and its operand. */
export type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

const [LOAD, AND, JUMP, JUMP_EQUAL, JUMP_GREATER, JUMP_AT_LEAST, JUMP_SET, RETURN] = //
  [0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06];
const [ALLOW, ERRNO, KILL] = [0x7fff0000, 0x00050000, 0x80000000];
// Offsets in `struct seccomp_data`.
const [OFFSET_NUMBER, OFFSET_ARCH, OFFSET_ARGUMENTS] = [0, 4, 16];

/** The decision on a call. A number is the errno with which the call fails; 0 skips the call and reports success. */
export type FilterVerdict = "allow" | "kill" | number;

/** Ends the program with this decision. */
export function verdict(verdict: FilterVerdict): Instruction {
  if (verdict === "allow") return returns(ALLOW);
  return returns(verdict === "kill" ? KILL : ERRNO | verdict);
}

/** Ends the program with a SECCOMP_RET_* value of seccomp(2). */
export function returns(action: number): Instruction {
  return [RETURN, 0, 0, action];
}

/** Loads the number of the call. */
export const loadNumber: Instruction = [LOAD, 0, 0, OFFSET_NUMBER];
/** Loads the architecture of the call. */
export const loadArch: Instruction = [LOAD, 0, 0, OFFSET_ARCH];

/** Loads the lower half of an argument, which is the whole argument where the kernel takes an `int`. */
export function loadArgument(index: number): Instruction {
  return [LOAD, 0, 0, OFFSET_ARGUMENTS + 8 * index];
}

/** Loads the upper half of an argument. */
export function loadUpperHalf(index: number): Instruction {
  return [LOAD, 0, 0, OFFSET_ARGUMENTS + 8 * index + 4];
}

/** Keeps only these bits of the loaded value. */
export function mask(bits: number): Instruction {
  return [AND, 0, 0, bits];
}

/** Runs `body`, which must end the program, if the loaded value equals `value`. */
export function whenEqual(value: number, body: readonly Instruction[]): Instruction[] {
  return [jumpEqual(value, 0, body.length), ...body];
}

/** Runs `body`, which must end the program, if the loaded value differs from `value`. */
export function unlessEqual(value: number, body: readonly Instruction[]): Instruction[] {
  return [jumpEqual(value, body.length, 0), ...body];
}

/** Runs `body`, which must end the program, if the loaded value has any of these bits. */
export function whenAnyBit(bits: number, body: readonly Instruction[]): Instruction[] {
  return [[JUMP_SET, 0, body.length, bits], ...body];
}

/** Skips `yes` instructions if the loaded value equals `value`, else `no`. */
export function jumpEqual(value: number, yes: number, no: number): Instruction {
  return [JUMP_EQUAL, yes, no, value];
}

/** The same if it is greater (unsigned). */
export function jumpGreater(value: number, yes: number, no: number): Instruction {
  return [JUMP_GREATER, yes, no, value];
}

/** The same if it is greater or equal (unsigned). */
export function jumpAtLeast(value: number, yes: number, no: number): Instruction {
  return [JUMP_AT_LEAST, yes, no, value];
}

/** Skips `count` instructions, which may be more than the conditional jumps can skip. */
export function jump(count: number): Instruction {
  return [JUMP, 0, 0, count];
}

/** Ends the program with this decision if the loaded value is one of `values`. */
export function whenOneOf(values: readonly number[], decision: FilterVerdict): Instruction[] {
  return values.flatMap((value) => whenEqual(value, [verdict(decision)]));
}

/** Encodes the program for the kernel. */
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
