import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { createDisk } from "./disk.ts";
import { BLOCK_BYTES, encodeTemplate } from "./template.ts";

const SIZE_BYTES = 1024 * BLOCK_BYTES;

/** A folder with a small template in it, gone afterwards. */
async function withTemplate(test: (folder: string, template: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-disk-" });
  try {
    const extents = [0, 1000 * BLOCK_BYTES].map((offset) => ({ offset, data: new Uint8Array(BLOCK_BYTES).fill(7) }));
    await Deno.writeFile(`${folder}/template`, encodeTemplate({ sizeBytes: SIZE_BYTES, extents }));
    await test(folder, `${folder}/template`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("createDisk() writes the extents in place into a sparse private file", () =>
  withTemplate(async (folder, template) => {
    createDisk(`${folder}/disk`, { template });
    const bytes = await Deno.readFile(`${folder}/disk`);
    assert.equal(bytes.length, SIZE_BYTES);
    assert.equal(bytes.filter((byte) => byte === 7).length, 2 * BLOCK_BYTES);
    assert.equal(bytes.indexOf(0), BLOCK_BYTES);
    assert.equal(bytes.indexOf(7, BLOCK_BYTES), 1000 * BLOCK_BYTES);

    const { mode, blocks } = await Deno.stat(`${folder}/disk`);
    assert.equal(mode! & 0o777, 0o600);
    assert.ok(blocks! * 512 < SIZE_BYTES / 10, `${blocks} blocks are allocated`);
  }));

Deno.test("createDisk() makes a larger disk on request and refuses a smaller one", () =>
  withTemplate(async (folder, template) => {
    createDisk(`${folder}/large`, { template, sizeBytes: 2 * SIZE_BYTES });
    assert.equal((await Deno.stat(`${folder}/large`)).size, 2 * SIZE_BYTES);
    assert.throws(
      () => createDisk(`${folder}/small`, { template, sizeBytes: SIZE_BYTES - 1 }),
      { code: "storage", message: /the file system on it takes 4194304/ },
    );
    assert.deepEqual(names(folder), ["large", "template"]);
  }));

Deno.test("createDisk() leaves an existing file alone", () =>
  withTemplate(async (folder, template) => {
    await Deno.writeTextFile(`${folder}/disk`, "precious");
    assert.throws(() => createDisk(`${folder}/disk`, { template }), { code: "storage", message: /File exists/ });
    assert.equal(await Deno.readTextFile(`${folder}/disk`), "precious");
  }));

Deno.test("createDisk() leaves no file when writing fails", () =>
  withTemplate((folder, template) => {
    // No file system has files of 2^53 bytes: truncate fails after the file was made.
    const sizeBytes = Number.MAX_SAFE_INTEGER;
    assert.throws(() => createDisk(`${folder}/disk`, { template, sizeBytes }), SmolvmError);
    assert.deepEqual(names(folder), ["template"]);
  }));

Deno.test("createDisk() names the template that is missing or broken", () =>
  withTemplate(async (folder) => {
    await Deno.writeTextFile(`${folder}/text`, "text");
    assert.throws(() => createDisk(`${folder}/disk`, { template: `${folder}/none` }), {
      code: "dependency",
      message: `Cannot read the disk template "${folder}/none": No such file or directory`,
    });
    assert.throws(() => createDisk(`${folder}/disk`, { template: `${folder}/text` }), { code: "storage" });
    assert.deepEqual(names(folder), ["template", "text"]);
  }));
