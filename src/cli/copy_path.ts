/** The source or destination of a copy: a path on this host, a path in a machine, or a tar stream. */
export type CopyPath =
  | { kind: "host"; path: string }
  | { kind: "guest"; name: string; path: string }
  | { kind: "stream" };

/** Parses `PATH`, `NAME:PATH` or `-`. Machine names have no slash and no leading dot: `./a:b` is a host file. */
export function parseCopyPath(text: string): CopyPath {
  if (text === "-") return { kind: "stream" };
  const [, name, path] = /^([^/.:][^/:]*):(.*)$/s.exec(text) ?? [];
  return name === undefined || path === undefined ? { kind: "host", path: text } : { kind: "guest", name, path };
}
