/** A system call as a seccomp filter sees it. */
export interface SystemCall {
  number: number;
  /** The architecture's number in linux/audit.h. */
  arch: number;
  args: readonly bigint[];
}

const ACTIONS: Record<number, string> = { 0x7fff: "allow", 0x8000: "kill" };

/** Runs a seccomp(2) program for a call as the kernel does; returns `allow`, `kill`, or the errno. */
export function runFilter(program: Uint8Array<ArrayBuffer>, { number, arch, args }: SystemCall): string | number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  args.forEach((arg, index) => data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, arg), true));
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let loaded = 0;
  for (let at = 0; at < program.length; at += 8) {
    const [code, value] = [view.getUint16(at, true), view.getUint32(at + 4, true)];
    const jump = (holds: boolean) => at += 8 * view.getUint8(at + (holds ? 2 : 3));
    if (code === 0x20) loaded = data.getUint32(value, true);
    else if (code === 0x54) loaded = (loaded & value) >>> 0;
    else if (code === 0x05) at += 8 * value;
    else if (code === 0x25) jump(loaded > value);
    else if (code === 0x35) jump(loaded >= value);
    else if (code === 0x15) jump(loaded === value);
    else if (code === 0x45) jump((loaded & value) !== 0);
    else if (code === 0x06) return ACTIONS[value >>> 16] ?? (value >>> 16 === 5 ? value & 0xffff : `action ${value}`);
    else throw new Error(`instruction ${at / 8} has the code ${code}`);
  }
  throw new Error("the program ends without a decision");
}
