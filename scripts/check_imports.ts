// Checks the imports in this checkout (the current folder) against import_rules.ts, and that no two exported types
// share a name. Prints a line for each violation and exits 1 if there is any.
import { type ImportGraph, importViolations, unusedPermissions } from "./import_rules.ts";
import { sharedTypeNames } from "./type_names.ts";

/** The fields of `deno info --json` that this script reads. */
interface ModuleInfo {
  specifier: string;
  error?: string;
  dependencies?: { code?: Resolution; type?: Resolution }[];
}

interface Resolution {
  specifier?: string;
  error?: string;
}

/** Reads the imports, dynamic and type-only ones included, of every TypeScript file in those folders. */
async function readImportGraph(root: string, folders: readonly string[]): Promise<ImportGraph> {
  const files = folders.flatMap((folder) => [...filesIn(`${root}/${folder}`, /\.ts$/)]);
  // `deno info` takes only one module: give it one that imports them all.
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(entry, files.map((file) => `import "file://${file}";\n`).join(""));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      // --no-npm: only the names of the packages matter; this needs no network.
      args: ["info", "--json", "--no-npm", "--config", `${root}/deno.json`, entry],
    }).output();
    if (!success) throw new Error(`"deno info" failed: ${new TextDecoder().decode(stderr)}`);
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: ModuleInfo[] };
    const graph = new Map<string, string[]>();
    for (const module of modules) {
      const file = relative(root, module.specifier);
      if (!folders.some((folder) => file.startsWith(`${folder}/`))) continue;
      if (module.error !== undefined) throw new Error(`Cannot read ${file}: ${module.error}`);
      graph.set(file, importsOf(root, module));
    }
    return graph;
  } finally {
    await Deno.remove(entry);
  }
}

function importsOf(root: string, { specifier, dependencies = [] }: ModuleInfo): string[] {
  return dependencies.map(({ code, type }) => {
    const target = code?.specifier ?? type?.specifier;
    if (target === undefined) throw new Error(`An import of ${specifier} is broken: ${code?.error ?? type?.error}`);
    return relative(root, target);
  });
}

function relative(root: string, specifier: string): string {
  const start = `file://${root}/`;
  return specifier.startsWith(start) ? specifier.slice(start.length) : specifier;
}

/** The includes of every C file of the agent; their paths are relative to src/guest. */
function* agentIncludes(): Generator<[file: string, includes: string[]]> {
  for (const file of filesIn("src/guest", /\.[ch]$/)) {
    const includes = Deno.readTextFileSync(file).matchAll(/^#include "(.+)"$/gm);
    yield [file, [...includes].map(([, path]) => `src/guest/${path}`)];
  }
}

function* filesIn(folder: string, pattern: RegExp): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`, pattern);
    else if (pattern.test(name)) yield `${folder}/${name}`;
  }
}

const FOLDERS = ["src", "scripts", "tests", "examples"];
const graph = new Map([...await readImportGraph(Deno.cwd(), FOLDERS), ...agentIncludes()]);
const sources = FOLDERS.flatMap((folder) => [...filesIn(folder, /\.ts$/)]);
const violations = [
  ...importViolations(graph),
  ...unusedPermissions(graph),
  ...sharedTypeNames(new Map(sources.map((file) => [file, Deno.readTextFileSync(file)]))),
];
for (const violation of violations) console.error(violation);
if (violations.length > 0) Deno.exit(1);
