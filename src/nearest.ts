/** The most letters that a typing error may change. */
const MAX_EDITS = 3;

/** Returns the name that a mistyped word probably means; at least half of the word must be right. */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const edits = Math.min(MAX_EDITS, Math.ceil(word.length / 2));
  return Array.from({ length: edits }, (_, index) => names.find((name) => isNear(name, word, index + 1)))
    .find((name) => name !== undefined);
}

/** Whether adding, removing or replacing at most `edits` letters turns one text into the other. */
function isNear(a: string, b: string, edits: number): boolean {
  if (a === b || edits === 0) return a === b;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return isNear(restA, restB, edits);
  return [[restA, b], [a, restB], [restA, restB]].some(([a, b]) => isNear(a!, b!, edits - 1));
}
