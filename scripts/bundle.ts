/**
 * Bundles the program into a few files, which start in a third of the time that the sources take.
 *
 *     deno run -A scripts/bundle.ts FOLDER
 *
 * Most of that is Deno's polyfills of Node: commander imports six of its modules, for features that smolvm has no use
 * for, such as subcommands that are programs of their own. They would take longer than Deno itself to start.
 */

/** Fails with a name as soon as the bundle uses what it was built without. */
const missing = (name: string) =>
  `new Proxy({}, { get(_, key) { throw new TypeError("${name} is not in the bundle: " + String(key)); } })`;

/** What takes the place of each module. */
const STAND_INS: Record<string, string> = {
  "node:child_process": `export default ${missing("node:child_process")};`,
  "node:fs": `export default ${missing("node:fs")};`,
  "node:path": `export default ${missing("node:path")};`,
  "node:process": "export default { env: Deno.env.toObject(), argv: [], exitCode: undefined };",
  // deno-lint-ignore no-control-regex
  "node:util": `export const stripVTControlCharacters = (text) => text.replace(${/\x1b\[[0-9;]*m/g}, "");`,
  "node:events": `
    export class EventEmitter {
      #listeners = new Map();
      on(name, listener) {
        this.#listeners.set(name, [...this.#listeners.get(name) ?? [], listener]);
        return this;
      }
      emit(name, ...args) {
        for (const listener of this.#listeners.get(name) ?? []) listener.apply(this, args);
        return this.#listeners.has(name);
      }
      listenerCount(name) {
        return this.#listeners.get(name)?.length ?? 0;
      }
    }`,
};

async function bundle(folder: string): Promise<void> {
  const main = decodeURIComponent(new URL("../src/main.ts", import.meta.url).pathname);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--frozen", "--platform", "deno", "--code-splitting", "--outdir", folder, main],
    stdin: "null",
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
  for (const { name } of Deno.readDirSync(folder)) replaceImports(`${folder}/${name}`);
  for (const [name, text] of Object.entries(STAND_INS)) Deno.writeTextFileSync(`${folder}/${fileOf(name)}`, text);
}

function replaceImports(path: string): void {
  const text = Deno.readTextFileSync(path).replace(
    /(\bfrom |\bimport\()"(node:\w+)"/g,
    (_, start: string, name: string) => {
      if (name in STAND_INS) return `${start}"./${fileOf(name)}"`;
      throw new Error(`${path} imports ${name}, for which there is no stand-in`);
    },
  );
  // Deno reads and parses at each start whatever it sees in an import, taken or not: it must not see those of later.
  Deno.writeTextFileSync(path, text.replace(/\bimport\(("\.\/[^"]+")\)/g, "import([$1][0])"));
}

const fileOf = (name: string) => `${name.replace(":", "_")}.js`;

if (import.meta.main) await bundle(Deno.args[0]!);
