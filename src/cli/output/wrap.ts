/** Shell words: quoted text is never broken. */
const SHELL_WORDS = /(?:'[^']*'|"[^"]*"|[^\s'"]|['"])+/g;
const PROSE_WORDS = /\S+/g;

/** How to wrap a text. */
export interface WrapOptions {
  /** The most columns of a line. */
  width: number;
  /** The indent of all lines but the first. */
  indent?: string;
  /** Whether the text is a shell command; its lines then end with a backslash. */
  isCommand?: boolean;
}

/**
 * Wraps a line between words. Words that are longer than a line are broken, except in a command.
 */
export function wrap(line: string, { width, indent = "", isCommand = false }: WrapOptions): string {
  if ([...line].length <= width) return line;
  const tail = isCommand ? " \\" : "";
  const lines: string[] = [];
  let current = /^\s*/.exec(line)![0];
  let isEmpty = true;
  const next = () => {
    lines.push(current);
    [current, isEmpty] = [indent, true];
  };
  const room = isCommand ? Infinity : Math.max(1, width - indent.length);
  for (const word of line.match(isCommand ? SHELL_WORDS : PROSE_WORDS) ?? []) {
    let rest = [...word];
    if (!isEmpty && current.length + 1 + rest.length > width - tail.length) next();
    while (rest.length > room) {
      if (!isEmpty) next();
      current += rest.slice(0, room).join("");
      rest = rest.slice(room);
      next();
    }
    if (rest.length === 0) continue;
    current += `${isEmpty ? "" : " "}${rest.join("")}`;
    isEmpty = false;
  }
  if (!isEmpty) lines.push(current);
  return lines.join(`${tail}\n`);
}

/** Wraps a help text: prose between words, examples as valid shell commands. */
export function wrapHelp(text: string, width: number): string {
  let inExamples = false;
  return text.split("\n").map((line) => {
    if (line === "Examples:") inExamples = true;
    if (line === "") inExamples = false;
    const indent = `${/^\s*/.exec(line)![0]}  `;
    return inExamples ? wrapExample(line, { width, indent }) : wrap(line, { width, indent });
  }).join("\n");
}

/** Moves a comment that does not fit after its command in front of it, because continued lines allow no comments. */
function wrapExample(line: string, options: WrapOptions): string {
  const [, indent = "", command = "", comment] = /^(\s*)(.*?)(?:\s+# (.*))?$/.exec(line) ?? [];
  if (comment === undefined || line.length <= options.width) return wrap(line, { ...options, isCommand: true });
  const before = wrap(`${indent}# ${comment}`, { ...options, indent: `${indent}# ` });
  return `${before}\n${wrap(indent + command, { ...options, isCommand: true })}`;
}
