import assert from "node:assert/strict";
import { type KvmFacts, kvmProblem } from "./virtualization.ts";

const problem = (facts: Partial<KvmFacts>) =>
  kvmProblem({ device: "usable", pvm: false, cpuSupport: true, permissionHint: "Do it.", ...facts });

Deno.test("kvmProblem() is undefined when the device can be used", () => {
  assert.equal(problem({}), undefined);
  assert.equal(problem({ cpuSupport: false }), undefined, "the device is what counts");
});

Deno.test("kvmProblem() reports why VMs cannot run and what to do", () => {
  const problems: [facts: Partial<KvmFacts>, message: RegExp, hint: RegExp][] = [
    [{ device: "forbidden" }, /no permission for \/dev\/kvm$/, /^Do it\.$/],
    [{ device: "missing" }, /\/dev\/kvm does not exist$/, /modprobe kvm/],
    [{ device: "missing", cpuSupport: false }, /\/dev\/kvm does not exist$/, /BIOS.*nested/],
    [{ pvm: true }, /has PVM, which cannot boot ordinary kernels$/, /hardware virtualisation/],
    [{ device: "forbidden", pvm: true }, /no permission/, /^Do it/],
  ];
  for (const [facts, message, hint] of problems) {
    const error = problem(facts);
    assert.ok(error, JSON.stringify(facts));
    assert.equal(error.code, "virtualization");
    assert.match(error.message, message);
    assert.match(error.hint!, hint);
  }
});

Deno.test("kvmProblem() reads the processor's features only when the device is missing", () => {
  const facts = { device: "usable", pvm: false } as const;
  assert.equal(
    kvmProblem({
      ...facts,
      get cpuSupport(): boolean {
        return assert.fail("/proc/cpuinfo was read");
      },
      get permissionHint(): string {
        return assert.fail("/etc/group was read");
      },
    }),
    undefined,
  );
});
