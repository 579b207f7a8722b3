import assert from "node:assert/strict";
import { exists } from "../host/files.ts";
import {
  createDisk,
  DEFAULT_DISK_BYTES,
  DISK_TEMPLATES,
  type DiskOptions,
  MAX_DISK_BYTES,
  MIN_DISK_BYTES,
} from "./disk.ts";
import { BLOCK_BYTES, encodeTemplate } from "./template.ts";

/** Runs a test with a folder of templates whose first and last blocks are filled with their index in the list. */
async function withTemplates(test: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-disk-" });
  try {
    for (const [index, { name, sizeBytes }] of DISK_TEMPLATES.entries()) {
      const data = new Uint8Array(BLOCK_BYTES).fill(index + 1);
      const extents = [0, sizeBytes - BLOCK_BYTES].map((offset) => ({ offset, data }));
      await Deno.writeFile(`${folder}/${name}`, encodeTemplate({ sizeBytes, extents }));
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function byteAt(path: string, offset: number): Promise<number> {
  using file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  const byte = new Uint8Array(1);
  await file.read(byte);
  return byte[0]!;
}

Deno.test("createDisk() writes the extents in place into a sparse private file", () =>
  withTemplates(async (templates) => {
    const disk = `${templates}/disk`;
    createDisk(disk, { templates, sizeBytes: MIN_DISK_BYTES });
    const last = MIN_DISK_BYTES - BLOCK_BYTES;
    const offsets = [0, BLOCK_BYTES - 1, BLOCK_BYTES, last - 1, last, MIN_DISK_BYTES - 1];
    assert.deepEqual(await Promise.all(offsets.map((offset) => byteAt(disk, offset))), [2, 2, 0, 0, 2, 2]);

    const { mode, blocks } = await Deno.stat(disk);
    assert.equal(mode! & 0o777, 0o600);
    assert.ok(blocks! * 512 < 64 * 1024, `${blocks} blocks are allocated`);
  }));

Deno.test("createDisk() makes a disk of any size from the largest template that fits", () =>
  withTemplates(async (templates) => {
    const make = async (options: DiskOptions) => {
      const disk = `${templates}/disk`;
      createDisk(disk, { templates, ...options });
      const { size } = await Deno.stat(disk);
      const template = DISK_TEMPLATES[await byteAt(disk, 0) - 1]?.name;
      await Deno.remove(disk);
      return [size, template];
    };
    const [large, small] = ["disk.template", "disk-small.template"];
    assert.deepEqual(await make({}), [DEFAULT_DISK_BYTES, large]);
    assert.deepEqual(await make({ sizeBytes: MIN_DISK_BYTES }), [MIN_DISK_BYTES, small]);
    assert.deepEqual(await make({ sizeBytes: MIN_DISK_BYTES + 1 }), [MIN_DISK_BYTES + BLOCK_BYTES, small]);
    const below = DEFAULT_DISK_BYTES - BLOCK_BYTES;
    assert.deepEqual(await make({ sizeBytes: below }), [below, small]);
    assert.deepEqual(await make({ sizeBytes: below + 1 }), [DEFAULT_DISK_BYTES, large]);
    assert.deepEqual(await make({ sizeBytes: MAX_DISK_BYTES }), [MAX_DISK_BYTES, large]);
  }));

Deno.test("createDisk() refuses sizes below the minimum and above the maximum", () =>
  withTemplates((templates) => {
    const sizes: [bytes: number, written: string][] = [
      [0, "0 B"],
      [1, "1 B"],
      [-1, "-1 B"],
      [NaN, "NaN B"],
      [Infinity, "Infinity B"],
      [127 * 1024 ** 2, "127 MiB"],
      [MIN_DISK_BYTES - 1, "134217727 B"],
      [MAX_DISK_BYTES + 1, "1099511627777 B"],
      [17 * 1024 ** 4, "17 TiB"],
    ];
    for (const [sizeBytes, written] of sizes) {
      assert.throws(
        () => createDisk(`${templates}/disk`, { templates, sizeBytes }),
        { code: "usage", message: `Cannot make a disk of ${written}: expected 128 MiB to 1 TiB` },
      );
    }
    assert.equal(exists(`${templates}/disk`), false);
  }));

Deno.test("createDisk() leaves an existing file alone", () =>
  withTemplates(async (templates) => {
    await Deno.writeTextFile(`${templates}/disk`, "precious");
    assert.throws(() => createDisk(`${templates}/disk`, { templates }), { code: "storage", message: /File exists/ });
    assert.equal(await Deno.readTextFile(`${templates}/disk`), "precious");
  }));

Deno.test("createDisk() names the template that is missing or broken", () =>
  withTemplates(async (templates) => {
    await Deno.writeTextFile(`${templates}/disk.template`, "text");
    assert.throws(() => createDisk(`${templates}/disk`, { templates }), { code: "storage" });
    await Deno.remove(`${templates}/disk.template`);
    assert.throws(() => createDisk(`${templates}/disk`, { templates }), {
      code: "dependency",
      message: `Cannot read the disk template "${templates}/disk.template": No such file or directory`,
    });
    assert.equal(exists(`${templates}/disk`), false);
  }));
