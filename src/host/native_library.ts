/** Functions of a library by name; `name` is the symbol if it differs from the key. */
export type NativeFunctions = Record<string, Deno.ForeignFunction & { name?: string; optional?: boolean }>;

/**
 * Loads a library and returns its functions as methods; `null` for optional functions that it lacks.
 *
 * The functions are called by address. `Deno.dlopen` would compile a fast call for each declared function immediately,
 * which takes longer than our few calls and would delay every boot.
 *
 * @throws what `Deno.dlopen` throws for a library that cannot be loaded, or lacks a function that is not optional.
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
