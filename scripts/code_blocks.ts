// The examples of Markdown files and doc comments. The pure part of run_examples.ts.

/** A fenced block of TypeScript. */
export interface CodeBlock {
  /** The number of its opening line, counted from 1. */
  line: number;
  code: string;
}

/** The calls that boot a machine or use images from a registry. */
const NEEDS_VM = /\bMachine\.(run|create|get)\(|\bImages\.(pull|remove)\(/;

/** Finds every block of TypeScript in a Markdown file, or in the doc comments of a source file. */
export function typescriptBlocks(text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    // Each line starts with the same prefix as the fence: an indentation, or the asterisk of a comment.
    const [, margin] = /^(\s*(?:\* )?)```ts$/.exec(lines[at]!) ?? [];
    if (margin === undefined) continue;
    const end = lines.indexOf(`${margin}\`\`\``, at);
    if (end < 0) throw new Error(`The block in line ${at + 1} has no end`);
    const code = lines.slice(at + 1, end).map((line) => `${line.slice(margin.length)}\n`).join("");
    blocks.push({ line: at + 1, code });
    at = end;
  }
  return blocks;
}

/** Whether a block needs a VM or a registry. */
export function needsVm({ code }: CodeBlock): boolean {
  return NEEDS_VM.test(code);
}
