/** A test's own folder, removed when it is disposed of. */
export interface TempFolder extends Disposable {
  /** Absolute and without symlinks. */
  path: string;
}

/** Makes an empty folder with a path short enough for sockets in it. */
export function makeTempFolder(): TempFolder {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "smolvm-" }));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
