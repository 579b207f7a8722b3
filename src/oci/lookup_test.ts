import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { checkCommand, type ContainerTree, locate } from "./lookup.ts";

function makeTree(folder: string): ContainerTree {
  const rootfs = `${folder}/rootfs`;
  for (const name of ["bin", "usr/bin", "etc", "proc"]) Deno.mkdirSync(`${rootfs}/${name}`, { recursive: true });
  Deno.writeTextFileSync(`${rootfs}/bin/tool`, "", { mode: 0o755 });
  Deno.writeTextFileSync(`${rootfs}/etc/passwd`, "", { mode: 0o644 });
  Deno.symlinkSync("/bin/tool", `${rootfs}/usr/bin/absolute`);
  Deno.symlinkSync("../../../../../bin/tool", `${rootfs}/usr/bin/relative`);
  Deno.symlinkSync("loop", `${rootfs}/bin/loop`);
  Deno.mkdirSync(`${folder}/volume`);
  Deno.writeTextFileSync(`${folder}/volume/own`, "", { mode: 0o700 });
  return { rootfs, mounts: new Map([["/opt", `${folder}/volume`], ["/proc", undefined]]) };
}

Deno.test("locate() follows links as the container does, and never out of it", () => {
  using folder = makeTempFolder();
  const tree = makeTree(folder.path);
  const tool = { path: `${tree.rootfs}/bin/tool` };
  for (const path of ["/bin/tool", "/usr/bin/absolute", "/usr/bin/relative", "/bin/../../bin/./tool"]) {
    assert.deepEqual(locate(tree, path), tool, path);
  }
  assert.deepEqual(locate(tree, "/opt/own"), { path: `${folder.path}/volume/own` });
  assert.equal(locate(tree, "/proc/self/exe"), "unknown");
  for (const path of ["/bin/loop", "/nothing", "/bin/tool/x"]) assert.equal(locate(tree, path), "missing", path);
});

Deno.test("checkCommand() finds a program by path, by PATH and from the working directory", () => {
  using folder = makeTempFolder();
  const tree = makeTree(folder.path);
  const check = (program: string, env: string[] = [], cwd = "/") => checkCommand(tree, { args: [program], env, cwd });
  check("tool");
  check("absolute", ["PATH=/nothing:/usr/bin"]);
  check("./tool", [], "/bin");
  check("own", ["PATH=/opt"]);
  check("/proc/self/exe");
});

Deno.test("checkCommand() refuses a program with the error texts that engines recognize", () => {
  using folder = makeTempFolder();
  const tree = makeTree(folder.path);
  const refusal = (code: string, message: string) => ({ code, message });
  const check = (program: string) => () => checkCommand(tree, { args: [program], cwd: "/" });
  assert.throws(check("nope"), refusal("not-found", 'exec: "nope": executable file not found in $PATH'));
  assert.throws(check("/nope"), refusal("not-found", 'exec: "/nope": stat /nope: no such file or directory'));
  assert.throws(check("/etc/passwd"), refusal("not-executable", 'exec: "/etc/passwd": permission denied'));
  assert.throws(check("/etc"), refusal("not-executable", 'exec: "/etc": permission denied'));
});
