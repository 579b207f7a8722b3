import { type Krun, KRUN_SYMBOLS } from "./symbols.ts";

/** What a libkrun can have been built with; each name's place is its number in `libkrun.h`. */
const FEATURES = ["NET", "BLK", "GPU", "SND", "INPUT", "EFI", "TEE"];

/** What this libkrun was built with; `undefined` when it is too old to be asked. */
export function featuresOf(krun: Krun): string[] | undefined {
  const { krun_has_feature: hasFeature } = krun;
  // One that it has not heard of is an error to it.
  return hasFeature ? FEATURES.filter((_, number) => hasFeature(BigInt(number)) === 1) : undefined;
}

/** The functions that this libkrun is too old for. */
export function missingFunctions(krun: Krun): string[] {
  const names = Object.keys(KRUN_SYMBOLS) as (keyof Krun)[];
  return names.filter((name) => krun[name] === null);
}
