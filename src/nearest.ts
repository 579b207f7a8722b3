/** The most letters that a typing error changes. */
const MAX_EDITS = 3;

/** Which of the names a word that is none of them was probably meant to be: at least half of it must be right. */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const edits = Math.min(MAX_EDITS, Math.ceil(word.length / 2));
  return Array.from({ length: edits }, (_, index) => names.find((name) => isNear(name, word, index + 1)))
    .find((name) => name !== undefined);
}

/** Whether adding, dropping or replacing so many letters at most makes one text of the other. */
function isNear(a: string, b: string, edits: number): boolean {
  if (a === b || edits === 0) return a === b;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return isNear(restA, restB, edits);
  return [[restA, b], [a, restB], [restA, restB]].some(([a, b]) => isNear(a!, b!, edits - 1));
}
