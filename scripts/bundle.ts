/**
 * Bundles the program into a few files, which start in a third of the time of the sources:
 *
 *     main.js      the entry
 *     run.js       an ordinary `smolvm run`, which must start fast
 *     exec.js      an ordinary `smolvm exec`, which must start fast
 *     program.js   all other commands, with commander
 *     oci.js       the OCI runtime, and the process of a container
 *     runner.js    the process of a VM
 *     gateway.js   the process of a guest's network
 *
 *     deno run -A scripts/bundle.ts FOLDER
 *
 * Each file is complete and shares no code with the others, because finding and reading another file takes longer than
 * loading duplicate code. Commander imports six Node modules for features that smolvm does not use, such as subcommands
 * in separate programs. Deno's polyfills of these modules would take longer to load than Deno takes to start, so the
 * bundle replaces them.
 */

const SOURCES = decodeURIComponent(new URL("../src", import.meta.url).pathname);

/** A stand-in that throws an error with the module's name when the bundle uses a module it was built without. */
const missing = (name: string) =>
  `new Proxy({}, { get(_, key) { throw new TypeError("${name} is not in the bundle: " + String(key)); } })`;

/** The replacement for the exports of each Node module. */
const STAND_INS: Record<string, string> = {
  "node:child_process": `{ default: ${missing("node:child_process")} }`,
  "node:fs": `{ default: ${missing("node:fs")} }`,
  "node:path": `{ default: ${missing("node:path")} }`,
  "node:process": "{ default: { env: Deno.env.toObject(), argv: [], exitCode: undefined } }",
  // deno-lint-ignore no-control-regex
  "node:util": `{ stripVTControlCharacters: (text) => text.replace(${/\x1b\[[0-9;]*m/g}, "") }`,
  "node:events": `{
    EventEmitter: class EventEmitter {
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
    }
  }`,
};

/** Modules that the entries of the program and of a runner import on demand, and the bundle file with each. */
const IN_OTHERS: Record<string, string> = {
  "./cli/direct_run.ts": "./run.js",
  "./cli/direct_exec.ts": "./exec.js",
  "./cli/program.ts": "./program.js",
  "./oci/main.ts": "./oci.js",
  "../network/main.ts": "./gateway.js",
  "./main.ts": "./runner.js",
  "./probe.ts": "./runner.js",
  "./jail_probe.ts": "./runner.js",
};

/** The entry module of each file of the program. */
const PROGRAM = {
  main: "main.ts",
  run: "cli/direct_run.ts",
  exec: "cli/direct_exec.ts",
  program: "cli/program.ts",
};
/** The files that start this program again, as a runner. */
const STARTERS = ["run", "program"];

export async function bundle(folder: string): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, source] of Object.entries(PROGRAM)) {
    await bundleOne(`${folder}/${name}.js`, `${SOURCES}/${source}`, Object.keys(IN_OTHERS));
    edit(`${folder}/${name}.js`, (text) => withoutNode(importOthers(STARTERS.includes(name) ? startMain(text) : text)));
  }
  await bundleOne(`${folder}/gateway.js`, `${SOURCES}/network/main.ts`, []);
  await bundleOne(`${folder}/oci.js`, `${SOURCES}/oci/main.ts`, []);
  const runner = Deno.makeTempFileSync({ suffix: ".ts" });
  try {
    const parts = ["main", "probe", "jail_probe"].map((name) => `${SOURCES}/runner/${name}.ts`);
    Deno.writeTextFileSync(runner, parts.map((path) => `export * from "file://${encodeURI(path)}";\n`).join(""));
    await bundleOne(`${folder}/runner.js`, runner, []);
  } finally {
    Deno.removeSync(runner);
  }
}

/** Bundles a module and everything it imports, except the external modules, into one file. */
async function bundleOne(path: string, source: string, external: readonly string[]): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--frozen", "--config", `${SOURCES}/../deno.json`, "--platform", "deno"],
      ...[...external.map((name) => `--external=${name}`), "--output", path, source],
    ],
    stdin: "null",
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

function edit(path: string, change: (text: string) => string): void {
  Deno.writeTextFileSync(path, change(Deno.readTextFileSync(path)));
}

/** Hides dynamic imports from Deno, which reads and parses every import it sees at each start, executed or not. */
function importOthers(text: string): string {
  return text.replace(/\bimport\("([^"]+)"\)/g, (_, name: string) => {
    if (name in IN_OTHERS) return `import(["${IN_OTHERS[name]}"][0])`;
    throw new Error(`The bundle imports ${name}`);
  });
}

/** Makes a file that starts this program again, as a runner, start main.js instead of itself. */
function startMain(text: string): string {
  const self = "new URL(import.meta.url)";
  if (text.split(self).length !== 2) throw new Error(`Expected one "${self}"`);
  return text.replace(self, 'new URL("./main.js", import.meta.url)');
}

/** Replaces the imports of Node modules by the stand-ins. */
function withoutNode(text: string): string {
  const standIns: string[] = [];
  const rest = text.replace(/^import (.+) from "(node:\w+)";$/gm, (_, names: string, module: string) => {
    if (!(module in STAND_INS)) throw new Error(`The bundle imports ${module}, for which there is no stand-in`);
    const parts = names.startsWith("{") ? names.replaceAll(" as ", ": ") : `{ default: ${names} }`;
    standIns.push(`const ${parts} = ${STAND_INS[module]};\n`);
    return "";
  });
  return standIns.join("") + rest;
}

if (import.meta.main) await bundle(Deno.args[0]!);
