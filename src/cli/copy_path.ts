/** One end of a copy: a path of this host, a path in a machine, or a tar stream. */
export type CopyPath =
  | { kind: "host"; path: string }
  | { kind: "guest"; name: string; path: string }
  | { kind: "stream" };

/** Reads `PATH`, `NAME:PATH` or `-`. A machine's name holds no slash and begins with no dot: `./a:b` is a file here. */
export function parseCopyPath(text: string): CopyPath {
  if (text === "-") return { kind: "stream" };
  const [, name, path] = /^([^/.:][^/:]*):(.*)$/s.exec(text) ?? [];
  return name === undefined || path === undefined ? { kind: "host", path: text } : { kind: "guest", name, path };
}
