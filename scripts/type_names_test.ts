import assert from "node:assert/strict";
import { exportedTypes, sharedTypeNames } from "./type_names.ts";

Deno.test("exportedTypes() finds every kind of exported type, but no unexported or re-exported types", () => {
  const text = `export { type Other } from "./other.ts";
export type { More } from "./more.ts";
export interface A extends B {}
interface Hidden {}
export type C = "c";
export class D {}
export abstract class E {}
export function make(): A {}
export const F = 1;
  export interface Indented {}
`;
  assert.deepEqual(exportedTypes(text), ["A", "C", "D", "E"]);
});

Deno.test("sharedTypeNames() names the files that export types with the same name", () => {
  const files = { "src/a.ts": "export interface A {}\nexport type B = 1;\n", "src/b.ts": "export class A {}\n" };
  assert.deepEqual(sharedTypeNames(new Map(Object.entries(files))), [
    "The type A is exported by src/a.ts and src/b.ts: name them apart",
  ]);
});
