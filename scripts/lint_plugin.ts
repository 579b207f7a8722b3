/**
 * The project's own lint rules.
 *
 * `smolvm/output`: only `src/cli`, `src/main.ts`, `src/runner`'s `entry.ts` and `main.ts`, `src/network/main.ts` and
 * `src/oci`'s `main.ts`, `container.ts` and `streams.ts` may print or exit. All other code returns values and throws
 * errors, so that it can be used as a module and tested.
 */

const SOURCE = new URL("../src/", import.meta.url).pathname;
const MAY_PRINT = /^(cli\/.+|main\.ts|runner\/(entry|main)\.ts|network\/main\.ts|oci\/(main|container|streams)\.ts)$/;

const plugin: Deno.lint.Plugin = {
  name: "smolvm",
  rules: {
    output: {
      create(context) {
        const { filename } = context;
        if (!filename.startsWith(SOURCE) || MAY_PRINT.test(filename.slice(SOURCE.length))) return {};
        const report = (node: Deno.lint.Node, what: string) =>
          context.report({
            node,
            message: `${what} is for src/cli and the main files of processes only`,
          });
        return {
          MemberExpression(node) {
            const [object, property] = names(node);
            const prints = object === "console" && property in console ||
              object === "Deno" && property === "exit" ||
              object === "Deno" && ["stdout", "stderr"].includes(property) && !isQuestion(node.parent);
            if (prints) report(node, `${object}.${property}`);
          },
        };
      },
    },
  },
};
export default plugin;

/** The two names of `object.property`; empty for other expressions. */
function names({ object, property, computed }: Deno.lint.MemberExpression): [string, string] {
  return object.type === "Identifier" && property.type === "Identifier" && !computed
    ? [object.name, property.name]
    : ["", ""];
}

/** Whether a node uses `isTerminal`, which writes nothing. */
function isQuestion(node: Deno.lint.Node): boolean {
  return node.type === "MemberExpression" && node.property.type === "Identifier" && node.property.name === "isTerminal";
}
