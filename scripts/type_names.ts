// Finds exported types that share a name. The pure part of check_imports.ts.

/** The exported types of a file's text: interfaces, aliases, classes and enums. Those that it hands on do not count. */
export function exportedTypes(text: string): string[] {
  const matches = text.matchAll(
    /^export (?:default )?(?:declare )?(?:abstract )?(?:interface|type|class|enum) (\w+)/gm,
  );
  return [...matches].map(([, name]) => name!);
}

/** A sentence for each name that exported types of several files have; `files` are their texts by path. */
export function sharedTypeNames(files: ReadonlyMap<string, string>): string[] {
  const homes = new Map<string, string[]>();
  for (const [file, text] of files) {
    for (const name of exportedTypes(text)) homes.set(name, [...(homes.get(name) ?? []), file]);
  }
  return [...homes]
    .filter(([, [_, second]]) => second !== undefined)
    .map(([name, files]) => `The type ${name} is exported by ${files.join(" and ")}: name them apart`);
}
