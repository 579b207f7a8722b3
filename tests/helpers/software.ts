/** The root filesystem with Debian's software that `tests/software/build` has unpacked; tests must not change it. */
export const SOFTWARE = new URL("../../.deno/software", import.meta.url).pathname;
