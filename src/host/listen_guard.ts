/** System calls by architecture, as audit(7) and seccomp(2) number them. */
const CALLS = {
  x86_64: { arch: 0xc000003e, bind: 49, listen: 50 },
  aarch64: { arch: 0xc00000b7, bind: 200, listen: 201 },
}[Deno.build.arch];

const EPERM = 1;
/** Of bpf(4): load a word of `struct seccomp_data`, compare it, return. */
const [LOAD, JUMP_EQUAL, RETURN] = [0x20, 0x15, 0x06];
const [OFFSET_CALL, OFFSET_ARCH] = [0, 4];
/** Of seccomp(2): go on; return an error number without the call, 0 for its success. */
const [ALLOW, ERRNO] = [0x7fff0000, 0x00050000];

/** A program for seccomp(2) that lets nobody listen: bind() does nothing, and listen() fails with EPERM. */
export function listenGuard(): Uint8Array<ArrayBuffer> {
  const program: [code: number, ifEqual: number, ifNot: number, value: number][] = [
    [LOAD, 0, 0, OFFSET_ARCH],
    [JUMP_EQUAL, 0, 3, CALLS.arch],
    [LOAD, 0, 0, OFFSET_CALL],
    [JUMP_EQUAL, 2, 0, CALLS.bind],
    [JUMP_EQUAL, 2, 0, CALLS.listen],
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, ERRNO],
    [RETURN, 0, 0, ERRNO | EPERM],
  ];
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, ifEqual, ifNot, value]] of program.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, ifEqual);
    view.setUint8(index * 8 + 3, ifNot);
    view.setUint32(index * 8 + 4, value, true);
  }
  return bytes;
}
