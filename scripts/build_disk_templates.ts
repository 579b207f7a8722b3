/**
 * Builds the templates of the machines' disks: empty ext4 file systems, stored without their zero blocks (see
 * src/storage/template.ts). The same version of e2fsprogs produces the same bytes.
 *
 *     deno run -A scripts/build_disk_templates.ts [FOLDER]
 *
 * Default: lib.
 */
import { writeFileAtomic } from "../src/host/atomic_write.ts";
import { DISK_TEMPLATES } from "../src/storage/disk.ts";
import { BLOCK_BYTES, encodeTemplate, type Extent } from "../src/storage/template.ts";

const JOURNAL_MIB = 4;
/** Any constants: hosts do not mount these disks, and a guest has only one. */
const UUID = "736d6f6c-766d-4000-8000-000000000001";
const HASH_SEED = "736d6f6c-766d-4000-8000-000000000002";
const CREATED = "1700000000";

const FEATURES = [
  "has_journal",
  "ext_attr",
  "dir_index",
  "filetype",
  "meta_bg", // lets the guest grow the file system online to any size, without reserved blocks
  "extent",
  "64bit",
  "flex_bg",
  "sparse_super", // not sparse_super2: the kernel cannot grow a file system that has it
  "large_file",
  "huge_file",
  "dir_nlink",
  "extra_isize",
  "metadata_csum",
];

const EXTENDED_OPTIONS = [
  "packed_meta_blocks=1", // few extents, few writes per disk
  // Marks the inode tables as zeroed, as they are in a sparse file. Otherwise each guest kernel would write them all.
  "lazy_itable_init=0",
  "lazy_journal_init=0",
  "assume_storage_prezeroed=1",
  "nodiscard",
  "root_owner=0:0",
  `hash_seed=${HASH_SEED}`,
];

/** On macOS Homebrew keeps e2fsprogs off the PATH; on Debian /sbin is not on everyone's. */
const TOOL_FOLDERS = ["/sbin", "/usr/sbin", "/opt/homebrew/opt/e2fsprogs/sbin", "/usr/local/opt/e2fsprogs/sbin"];

async function makeFileSystem(image: string, sizeBytes: number): Promise<void> {
  // The host's mke2fs.conf must not affect the template.
  const config = `${image}.conf`;
  await Deno.writeTextFile(config, "[fs_types]\n\text4 = {\n\t}\n");
  await Deno.create(image).then((file) => file.close());
  await Deno.truncate(image, sizeBytes);
  const { success, stderr } = await new Deno.Command("mke2fs", {
    // deno-fmt-ignore
    args: [
      "-q", "-F", "-t", "ext4", "-b", String(BLOCK_BYTES), "-I", "256", "-i", "16384", "-m", "0",
      "-J", `size=${JOURNAL_MIB}`, "-L", "smolvm", "-U", UUID,
      "-O", ["none", ...FEATURES].join(","), "-E", EXTENDED_OPTIONS.join(","), image,
    ],
    env: {
      MKE2FS_CONFIG: config,
      E2FSPROGS_FAKE_TIME: CREATED,
      PATH: [Deno.env.get("PATH") ?? "", ...TOOL_FOLDERS].join(":"),
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`mke2fs failed: ${new TextDecoder().decode(stderr).trim()}`);
}

/** Returns every run of nonzero blocks. */
function readExtents(image: string): Extent[] {
  using file = Deno.openSync(image);
  const superblock = new DataView(readBlocks(file, 0, 1).buffer, 1024, 1024);
  const blocks = superblock.getUint32(0x04, true);
  const usedBlocks = blocks - superblock.getUint32(0x0c, true);
  const groupBlocks = superblock.getUint32(0x20, true);

  // An empty file system with packed metadata uses its first blocks and, at the start of some groups, one block for a
  // copy of the superblock and one for descriptors. Skip the rest. (If that were wrong, e2fsprogs would report errors
  // in disks made from the template.)
  const extents = findExtents(file, 0, usedBlocks);
  for (let group = Math.ceil(usedBlocks / groupBlocks); group * groupBlocks < blocks; group++) {
    extents.push(...findExtents(file, group * groupBlocks, 2));
  }
  return extents;
}

/** Returns every run of nonzero blocks among `count` blocks from block `first` on. */
function findExtents(file: Deno.FsFile, first: number, count: number): Extent[] {
  const bytes = readBlocks(file, first, count);
  const extents: Extent[] = [];
  let from = 0; // where the current run began
  for (let at = 0; at <= bytes.length; at += BLOCK_BYTES) {
    const ended = at === bytes.length || isZero(bytes.subarray(at, at + BLOCK_BYTES));
    if (!ended) continue;
    if (at > from) extents.push({ offset: first * BLOCK_BYTES + from, data: bytes.subarray(from, at) });
    from = at + BLOCK_BYTES;
  }
  return extents;
}

function readBlocks(file: Deno.FsFile, first: number, count: number): Uint8Array {
  file.seekSync(first * BLOCK_BYTES, Deno.SeekMode.Start);
  const bytes = new Uint8Array(count * BLOCK_BYTES);
  for (let done = 0; done < bytes.length;) {
    const length = file.readSync(bytes.subarray(done));
    if (length === null) throw new Error(`Cannot read ${count} blocks: the file ends after ${done} bytes`);
    done += length;
  }
  return bytes;
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

if (import.meta.main) {
  const output = Deno.args[0] ?? new URL("../lib", import.meta.url).pathname;
  const folder = await Deno.makeTempDir({ prefix: "smolvm-template-" });
  try {
    for (const { name, sizeBytes } of DISK_TEMPLATES) {
      await makeFileSystem(`${folder}/${name}`, sizeBytes);
      const extents = readExtents(`${folder}/${name}`);
      await writeFileAtomic(`${output}/${name}`, encodeTemplate({ sizeBytes, extents }));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
