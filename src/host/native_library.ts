/** Functions of a library, by their names in it unless they say another one. */
export type NativeFunctions = Record<string, Deno.ForeignFunction & { name?: string; optional?: boolean }>;

/**
 * Loads a library, and has its functions as methods: `null` those that are optional and not in it.
 *
 * They are called by their addresses. Of functions that `Deno.dlopen` is told of, it compiles one each that calls them
 * quickly, at once: that takes longer than the few calls that are made here, on the way of every boot.
 *
 * @throws what `Deno.dlopen` throws for a library that cannot be loaded, and for a function that is not in it.
 */
export function openLibrary<const F extends NativeFunctions>(
  path: string,
  functions: F,
): Deno.DynamicLibrary<F>["symbols"] {
  const addresses = Object.entries(functions).map(([key, { name = key, optional = false }]) =>
    [key, { name, optional, type: "pointer" }] as const
  );
  const { symbols } = Deno.dlopen(path, Object.fromEntries(addresses));
  const methods = Object.entries(functions).map(([key, definition]) => {
    const address = symbols[key] as Deno.PointerObject<typeof definition> | null;
    if (address === null) return [key, null];
    const pointer = new Deno.UnsafeFnPointer(address, definition);
    return [key, pointer.call.bind(pointer)];
  });
  return Object.fromEntries(methods);
}
