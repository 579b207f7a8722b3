/**
 * Each path relative to the one before, the first to the working directory, as an absolute one without `.` and `..`.
 *
 * Not from a package: whoever imports the runtime module below a package.json of theirs would have to install it.
 */
export function resolve(...paths: string[]): string {
  const path = paths.reduce((base, path) => path.startsWith("/") ? path : `${base}/${path}`, Deno.cwd());
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
