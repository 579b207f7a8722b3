import { type Krun, KRUN_SYMBOLS } from "./symbols.ts";

/** The features of libkrun; the index of each is its number in `libkrun.h`. */
const FEATURES = ["NET", "BLK", "GPU", "SND", "INPUT", "EFI", "TEE"];

/** The features this libkrun was built with; `undefined` when it is too old to report them. */
export function featuresOf(krun: Krun): string[] | undefined {
  const { krun_has_feature: hasFeature } = krun;
  // For an unknown feature it returns an error.
  return hasFeature ? FEATURES.filter((_, number) => hasFeature(BigInt(number)) === 1) : undefined;
}

/** The functions that this libkrun is too old to have. */
export function missingFunctions(krun: Krun): string[] {
  const names = Object.keys(KRUN_SYMBOLS) as (keyof Krun)[];
  return names.filter((name) => name.startsWith("krun_") && krun[name] === null);
}

/** Whether this libkrun can start a VM before its gateway listens. */
export function waitsForNetwork(krun: Krun): boolean {
  return krun.smolvm_waits_for_network !== null;
}
