import assert from "node:assert/strict";
import { makeMachineFolder } from "../../tests/helpers/machines.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { diskFile, namesIn, vmFolder } from "./machine_folders.ts";
import { checkDisk, logFiles, tidyVmFolder } from "./vm_folder.ts";

const FILES = ["command.log", "command.log.1", "console.log", "disk.img", "runner.log", "status.json"];

Deno.test("tidyVmFolder() moves the files of smolvm 0.2 from the machine's folder, even after an interruption", () => {
  using folder = makeTempFolder();
  const { path } = folder;
  for (const name of [...FILES, "lock", "machine.json", "notes.log"]) Deno.writeTextFileSync(`${path}/${name}`, name);
  assert.equal(diskFile(path), `${path}/disk.img`);
  Deno.mkdirSync(`${path}/vm`);
  Deno.renameSync(`${path}/command.log.1`, `${path}/vm/command.log.1`);
  assert.equal(logFiles(path).length, 4);
  for (let time = 0; time < 2; time++) {
    tidyVmFolder(path);
    assert.deepEqual(namesIn(path).sort(), ["lock", "machine.json", "notes.log", "vm"]);
    assert.deepEqual(namesIn(vmFolder(path)).sort(), FILES);
  }
  assert.equal(diskFile(path), `${path}/vm/disk.img`);
  assert.equal(logFiles(path).length, 4);
});

Deno.test("tidyVmFolder() removes everything that a guest may have left except smolvm's regular files", () => {
  using folder = makeMachineFolder();
  using outside = makeTempFolder();
  const at = (name: string) => `${vmFolder(folder.path)}/${name}`;
  Deno.writeTextFileSync(`${outside.path}/file`, "kept");
  for (const name of ["disk.img", "command.log"]) Deno.writeTextFileSync(at(name), name);
  Deno.symlinkSync(`${outside.path}/file`, at("runner.log"));
  Deno.symlinkSync(outside.path, at("link"));
  Deno.linkSync(`${outside.path}/file`, at("command.log.1"));
  Deno.mkdirSync(at("status.json/below"), { recursive: true });
  new Deno.Command("mkfifo", { args: [at("console.log")] }).outputSync();
  Deno.writeTextFileSync(at("status.json.x.tmp"), "");
  Deno.chmodSync(vmFolder(folder.path), 0);
  tidyVmFolder(folder.path);
  assert.deepEqual(namesIn(vmFolder(folder.path)).sort(), ["command.log", "disk.img"]);
  assert.equal(Deno.readTextFileSync(at("command.log")), "command.log");
  assert.equal(Deno.readTextFileSync(`${outside.path}/file`), "kept");
  assert.equal(Deno.statSync(vmFolder(folder.path)).mode! & 0o777, 0o700);
});

Deno.test("checkDisk() refuses a disk that is a symlink or has a second link", () => {
  using folder = makeMachineFolder();
  const disk = diskFile(folder.path);
  const refused = (why: string) =>
    assert.throws(() => checkDisk(folder.path), {
      code: "storage",
      message: `Cannot use the disk "${disk}": it ${why}`,
    });
  assert.throws(() => checkDisk(folder.path), { code: "storage", message: /: No such file or directory$/ });
  Deno.symlinkSync("/dev/null", disk);
  refused("is not a regular file");
  Deno.removeSync(disk);
  Deno.writeTextFileSync(`${folder.path}/file`, "");
  Deno.linkSync(`${folder.path}/file`, disk);
  refused("has another name");
});
