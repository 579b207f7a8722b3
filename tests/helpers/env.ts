/** Sets environment variables of this process (`undefined` unsets one) until it is disposed of. */
export function setEnv(variables: Record<string, string | undefined>): Disposable {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(variables)) assign(name, value);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) assign(name, value);
    },
  };
}

function assign(name: string, value: string | undefined): void {
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
}
