// Who may import whom: the table of the architecture, as data. The pure part of check_imports.ts.

/** Each file's imports: paths from the root of the checkout, or specifiers such as `npm:commander@15.1.0`. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** Files right in `src` that everything may stand on. */
const GROUND = ["src/errno.ts", "src/errors.ts", "src/fields.ts", "src/log.ts", "src/nearest.ts"];

interface Rule {
  /** Folders and files of the checkout, beside its own folder and the ground. */
  paths: readonly string[];
  /** Starts of the specifiers of packages. */
  packages: readonly string[];
}

const only = (...paths: string[]): Rule => ({ paths, packages: [] });

/** What each folder of `src`, and each file right in it, may import. Only the runner's process loads libkrun. */
const RULES: ReadonlyMap<string, Rule> = new Map([
  ["src/main.ts", only("src/cli", "src/runner/entry.ts", "src/machine/spawn_runner.ts", "deno.json")],
  ["src/mod.ts", only("src/runtime", "src/runner/entry.ts")],
  ["src/runtime", only("src/machine", "src/image", "src/config", "src/state", "src/protocol")],
  ["src/cli", {
    paths: [
      "src/mod.ts",
      "src/state/machine_state.ts",
      "src/runtime",
      "src/machine",
      "src/doctor",
      "src/image",
      "src/config",
      "src/host",
      "deno.json",
    ],
    packages: ["npm:commander@", "npm:@commander-js/extra-typings@", "npm:cli-table3@"],
  }],
  ["src/machine", {
    paths: [
      "src/logs",
      "src/image",
      "src/storage",
      "src/config",
      "src/state",
      "src/protocol",
      "src/archive",
      "src/host",
      "src/runner/entry.ts",
      "src/runner/spec.ts",
    ],
    packages: [],
  }],
  ["src/doctor", {
    paths: [
      "src/machine",
      "src/image",
      "src/storage",
      "src/config",
      "src/state",
      "src/host",
      "src/runner/entry.ts",
      "src/runner/spec.ts",
    ],
    packages: [],
  }],
  ["src/runner", only("src/logs", "src/krun", "src/protocol", "src/state", "src/storage", "src/host")],
  ["src/archive", only("src/host")],
  ["src/krun", only("src/host")],
  ["src/protocol", only()],
  ["src/image", only("src/host", "src/state")],
  ["src/storage", only("src/host")],
  // What people write is written as safely, when they have it written.
  ["src/config", { paths: ["src/host", "src/state"], packages: ["npm:deno-std@"] }],
  ["src/state", only("src/host")],
  ["src/logs", only("src/host")],
  ["src/host", only()],
  ...GROUND.map((file): [string, Rule] => [file, only()]),
]);

/** What the project must build without, in any file: npm and Debian are its only sources. */
const FOREIGN = ["jsr:", "https:", "http:"];

/** Every violation in that graph, as sentences. */
export function importViolations(graph: ImportGraph): string[] {
  const violations: string[] = [];
  for (const [file, imports] of graph) {
    for (const target of imports) {
      const violation = violationOf(file, target);
      if (violation !== undefined) violations.push(violation);
    }
  }
  const sources = restrictTo(graph, "src/");
  const cycle = findCycle(sources) ?? findCycle(unitGraph(sources));
  if (cycle !== undefined) violations.push(`Imports form a cycle: ${cycle.join(" -> ")}`);
  return violations;
}

function violationOf(file: string, target: string): string | undefined {
  if (FOREIGN.some((start) => target.startsWith(start))) return `${file} imports ${target}, which is not from npm`;
  if (!file.startsWith("src/")) return undefined;
  const unit = unitOf(file);
  const rule = RULES.get(unit);
  if (rule === undefined) return `${file} imports ${target}, but no rule says what ${unit} may import`;
  const isTest = file.endsWith("_test.ts");
  if (isPackage(target)) {
    return isTest || rule.packages.some((start) => target.startsWith(start))
      ? undefined
      : `${file} imports ${target}, which ${unit} may not`;
  }
  const allowed = [...GROUND, unit, ...rule.paths, ...(isTest ? ["tests"] : [])];
  return allowed.some((path) => target === path || target.startsWith(`${path}/`))
    ? undefined
    : `${file} imports ${target}, which ${unit} may not`;
}

function isPackage(target: string): boolean {
  return /^[a-z]+:/.test(target);
}

/** What the rules are about: the file's folder in `src`, or the file itself when it is right in `src`. */
function unitOf(file: string): string {
  return file.replace(/_test\.ts$/, ".ts").split("/").slice(0, 2).join("/");
}

function restrictTo(graph: ImportGraph, start: string): ImportGraph {
  return new Map(
    [...graph]
      .filter(([file]) => file.startsWith(start))
      .map(([file, imports]) => [file, imports.filter((target) => target.startsWith(start))]),
  );
}

/** The same graph between units. */
function unitGraph(graph: ImportGraph): ImportGraph {
  const units = new Map<string, string[]>();
  for (const [file, imports] of graph) {
    const unit = unitOf(file);
    const targets = imports.map(unitOf).filter((target) => target !== unit);
    units.set(unit, [...(units.get(unit) ?? []), ...targets]);
  }
  return units;
}

/** One cycle of the graph, its first node repeated at the end. */
function findCycle(graph: ImportGraph): string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    const start = path.indexOf(node);
    if (start >= 0) return [...path.slice(start), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle !== undefined) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
