import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { BLOCK_BYTES, type DiskTemplate, encodeTemplate, parseTemplate } from "./template.ts";

const block = (byte: number) => new Uint8Array(BLOCK_BYTES).fill(byte);
const sample: DiskTemplate = {
  sizeBytes: 16 * BLOCK_BYTES,
  extents: [{ offset: 0, data: block(1) }, { offset: 3 * BLOCK_BYTES, data: block(2) }],
};

function rejects(bytes: Uint8Array, reason: RegExp): void {
  assert.throws(
    () => parseTemplate(bytes),
    (error) => error instanceof SmolvmError && error.code === "storage" && reason.test(error.message),
  );
}

/** A changed copy of the sample's bytes. */
function changed(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = encodeTemplate(sample);
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

Deno.test("parseTemplate() reads what encodeTemplate() wrote", () => {
  assert.deepEqual(parseTemplate(encodeTemplate(sample)), sample);
});

Deno.test("parseTemplate() rejects other kinds of files and other versions", () => {
  rejects(new Uint8Array(), /not a disk template/);
  rejects(changed((_, bytes) => bytes[0] = 0), /not a disk template/);
  rejects(changed((view) => view.setUint32(8, 2, true)), /version is 2, expected 1/);
});

Deno.test("parseTemplate() rejects a file cut off at any byte, and one byte more", () => {
  const bytes = encodeTemplate(sample);
  for (let length = 0; length < bytes.length; length += 97) {
    assert.throws(() => parseTemplate(bytes.subarray(0, length)), SmolvmError, `${length} bytes`);
  }
  rejects(new Uint8Array([...bytes, 0]), /1 bytes follow its data/);
});

Deno.test("parseTemplate() rejects sizes and extents out of bounds", () => {
  rejects(changed((view) => view.setUint32(12, 0xffffffff, true)), /table of 4294967295 extents does not fit/);
  rejects(changed((view) => view.setBigUint64(16, 0n, true)), /disk size is 0 bytes/);
  rejects(changed((view) => view.setBigUint64(16, 2n ** 63n, true)), /disk size/);
  rejects(changed((view) => view.setBigUint64(24, 1n, true)), /extent 0 is not made of whole blocks/);
  rejects(changed((view) => view.setUint32(32, 0, true)), /extent 0 is not made of whole blocks/);
  rejects(changed((view) => view.setBigUint64(36, 0n, true)), /extent 1 is out of place/);
  rejects(changed((view) => view.setBigUint64(36, 16n * 4096n, true)), /extent 1 is out of place/);
});
