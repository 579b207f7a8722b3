// Which folder may import which: the architecture's table, as data. The pure part of check_imports.ts.

/**
 * Each file's imports, or includes in C: paths from the root of the checkout, or specifiers such as
 * `npm:commander@15.1.0`.
 */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** Files directly in `src` that every file may import. */
const GROUND = ["bytes", "errno", "errors", "fields", "log", "nearest", "size"].map((name) => `src/${name}.ts`);

interface Rule {
  /** Folders and files of the checkout, in addition to its own folder and the files in `GROUND`. */
  paths: readonly string[];
  /** Prefixes of the specifiers of packages. */
  packages: readonly string[];
}

const only = (...paths: string[]): Rule => ({ paths, packages: [] });

/**
 * What each folder of `src` and `src/guest`, and each file directly in them, may import. Only the runner's process
 * loads libkrun.
 */
export const RULES: ReadonlyMap<string, Rule> = new Map([
  ["src/main.ts", only("src/cli", "src/oci", "src/runner/entry.ts", "deno.json")],
  ["src/mod.ts", only("src/runtime", "src/runner/entry.ts")],
  [
    "src/runtime",
    only("src/requests", "src/machine", "src/image", "src/config", "src/state", "src/protocol", "src/host/signal.ts"),
  ],
  ["src/cli", {
    paths: [
      "src/link",
      "src/requests",
      "src/upkeep",
      "src/mod.ts",
      "src/state/machine_state.ts",
      "src/runtime",
      "src/machine",
      "src/doctor",
      "src/image",
      "src/config",
      "src/host",
      "src/jail",
      "deno.json",
    ],
    packages: ["npm:commander@", "npm:@commander-js/extra-typings@"],
  }],
  ["src/machine", {
    paths: [
      "src/link",
      "src/logs",
      "src/image",
      "src/storage",
      "src/config",
      "src/state",
      "src/protocol",
      "src/host",
      "src/jail",
      "src/network/events.ts",
      "src/network/guest_link.ts",
      "src/network/ipv4.ts",
      "src/network/machine_rules.ts",
      "src/network/member.ts",
      "src/network/rules.ts",
      "src/network/secret.ts",
      "src/network/status.ts",
      "src/network/subnet.ts",
      "src/runner/entry.ts",
      "src/runner_interface",
    ],
    packages: [],
  }],
  // The client side of the link to a runner.
  ["src/link", only("src/state", "src/host", "src/jail", "src/runner/entry.ts", "src/runner_interface")],
  // Requests to a running guest.
  [
    "src/requests",
    only(
      "src/machine",
      "src/network/status.ts",
      "src/state",
      "src/protocol",
      "src/archive",
      "src/host",
      "src/runner_interface",
    ),
  ],
  ["src/upkeep", only("src/image", "src/state", "src/host")],
  ["src/doctor", {
    paths: [
      "src/image",
      "src/storage",
      "src/config",
      "src/state",
      "src/host",
      "src/jail",
      "src/runner/entry.ts",
      "src/runner_interface",
    ],
    packages: [],
  }],
  [
    "src/runner",
    only(
      "src/runner_interface",
      "src/logs",
      "src/krun",
      "src/network",
      "src/protocol",
      "src/state",
      "src/storage",
      "src/host",
      "src/jail",
    ),
  ],
  // The messages between a runner and its clients.
  ["src/runner_interface", only("src/logs", "src/protocol", "src/state", "src/host")],
  [
    "src/oci",
    only(
      "src/runner_interface",
      "src/runner",
      "src/machine",
      "src/krun",
      "src/network",
      "src/protocol",
      "src/state",
      "src/host",
      "src/jail",
    ),
  ],
  // Packages for TLS connections to hosts that get a secret.
  ["src/network", { paths: ["src/host"], packages: ["node:stream", "node:tls"] }],
  ["src/jail", only("src/host")],
  ["src/archive", only("src/host")],
  ["src/krun", only("src/host")],
  ["src/protocol", only()],
  ["src/image", only("src/host", "src/state")],
  ["src/storage", only("src/host")],
  ["src/config", { paths: ["src/host", "src/state"], packages: ["npm:smol-toml@"] }],
  ["src/state", only("src/host")],
  ["src/logs", only("src/host")],
  ["src/host", only()],
  ["src/guest/main.c", only("src/guest/loop", "src/guest/tools", "src/guest/setup")],
  ["src/guest/loop", only("src/guest/exec", "src/guest/setup", "src/guest/wire", "src/guest/base")],
  ["src/guest/tools", only("src/guest/exec", "src/guest/tar", "src/guest/base")],
  ["src/guest/tar", only("src/guest/base")],
  ["src/guest/exec", only("src/guest/setup", "src/guest/wire", "src/guest/base")],
  ["src/guest/setup", only("src/guest/wire", "src/guest/base")],
  ["src/guest/wire", only("src/guest/base")],
  ["src/guest/base", only()],
  ...GROUND.map((file): [string, Rule] => [file, only()]),
]);

/** Sources that no file may import from, because the project must build from npm and Debian only. */
const FOREIGN = ["jsr:", "https:", "http:"];

/** Every violation in a graph, as sentences. */
export function importViolations(graph: ImportGraph): string[] {
  const violations: string[] = [];
  for (const [file, imports] of graph) {
    for (const target of imports) {
      const violation = violationOf(file, target);
      if (violation !== undefined) violations.push(violation);
    }
  }
  const sources = moduleGraph(restrictTo(graph, "src/"));
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

/** The unit of the rules: the file's folder in `src` or `src/guest`, or the file itself if it is directly in them. */
function unitOf(file: string): string {
  const depth = file.startsWith("src/guest/") ? 3 : 2;
  return file.replace(/_test\.ts$/, ".ts").split("/").slice(0, depth).join("/");
}

/** Every permission in the table that no file of the graph uses, as sentences. */
export function unusedPermissions(graph: ImportGraph): string[] {
  const used = new Map<string, Set<string>>();
  for (const [file, imports] of graph) {
    const unit = unitOf(file);
    used.set(unit, new Set([...(used.get(unit) ?? []), ...imports]));
  }
  return [...RULES].flatMap(([unit, { paths, packages }]) => {
    const targets = [...(used.get(unit) ?? [])];
    const isUsed = (path: string) => targets.some((target) => target === path || target.startsWith(`${path}/`));
    return [
      ...paths.filter((path) => !isUsed(path)),
      ...packages.filter((start) => !targets.some((target) => target.startsWith(start))),
    ].map((unused) => `${unit} may import ${unused}, but does not: take it out of the table`);
  });
}

function restrictTo(graph: ImportGraph, start: string): ImportGraph {
  return new Map(
    [...graph]
      .filter(([file]) => file.startsWith(start))
      .map(([file, imports]) => [file, imports.filter((target) => target.startsWith(start))]),
  );
}

/** Merges each C header with the file that implements it. */
function moduleGraph(graph: ImportGraph): ImportGraph {
  const moduleOf = (file: string) => file.replace(/\.h$/, ".c");
  const modules = new Map<string, string[]>();
  for (const [file, imports] of graph) {
    const module = moduleOf(file);
    // A file that includes its own header is not a cycle.
    const targets = imports.map(moduleOf).filter((target) => !target.endsWith(".c") || target !== module);
    modules.set(module, [...(modules.get(module) ?? []), ...targets]);
  }
  return modules;
}

/** The imports between units. */
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
