// Finds exported types that share a name. The pure part of check_imports.ts.

/** The types that a file's text exports: interfaces, aliases, classes and enums. Re-exported types do not count. */
export function exportedTypes(text: string): string[] {
  const matches = text.matchAll(
    /^export (?:default )?(?:declare )?(?:abstract )?(?:interface|type|class|enum) (\w+)/gm,
  );
  return [...matches].map(([, name]) => name!);
}

/** A sentence for each name that several files export as a type; `files` are the texts by path. */
export function sharedTypeNames(files: ReadonlyMap<string, string>): string[] {
  const homes = new Map<string, string[]>();
  for (const [file, text] of files) {
    for (const name of exportedTypes(text)) homes.set(name, [...(homes.get(name) ?? []), file]);
  }
  return [...homes]
    .filter(([, [_, second]]) => second !== undefined)
    .map(([name, files]) => `The type ${name} is exported by ${files.join(" and ")}: name them apart`);
}
