/**
 * Builds the template of every machine's disk: an empty ext4 file system, of which only the blocks that are not zero
 * are kept (see src/storage/template.ts). The same e2fsprogs gives the same bytes.
 *
 *     deno run -A scripts/build_disk_template.ts [lib/disk.template]
 */
import { writeFileAtomic } from "../src/state/atomic_write.ts";
import { DEFAULT_DISK_BYTES } from "../src/storage/disk.ts";
import { BLOCK_BYTES, encodeTemplate, type Extent } from "../src/storage/template.ts";

const JOURNAL_MIB = 4;
/** Any constant will do: no host mounts these disks, and a guest has one. */
const UUID = "736d6f6c-766d-4000-8000-000000000001";
const HASH_SEED = "736d6f6c-766d-4000-8000-000000000002";
const CREATED = "1700000000";

const FEATURES = [
  "has_journal",
  "ext_attr",
  "resize_inode", // so that the guest can grow the file system online
  "dir_index",
  "filetype",
  "extent",
  "64bit",
  "flex_bg",
  "sparse_super",
  "sparse_super2", // lets num_backup_sb be 0
  "large_file",
  "huge_file",
  "dir_nlink",
  "extra_isize",
  "metadata_csum",
];

const EXTENDED_OPTIONS = [
  // Everything that is not zero lies together: few extents, few writes per disk.
  "packed_meta_blocks=1",
  "num_backup_sb=0",
  // Marks the inode tables as zeroed, which a sparse file is; else each guest kernel would write them all.
  "lazy_itable_init=0",
  "lazy_journal_init=0",
  "assume_storage_prezeroed=1",
  "nodiscard",
  "root_owner=0:0",
  `hash_seed=${HASH_SEED}`,
];

/** On macOS Homebrew keeps e2fsprogs off the PATH; on Debian /sbin is not on everyone's. */
const TOOL_FOLDERS = ["/sbin", "/usr/sbin", "/opt/homebrew/opt/e2fsprogs/sbin", "/usr/local/opt/e2fsprogs/sbin"];

async function makeFileSystem(image: string, config: string): Promise<void> {
  // Defaults of the host's own mke2fs.conf must not reach the template.
  await Deno.writeTextFile(config, "[fs_types]\n\text4 = {\n\t}\n");
  await Deno.create(image).then((file) => file.close());
  await Deno.truncate(image, DEFAULT_DISK_BYTES);
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

/** Every run of blocks that are not zero. */
function readExtents(image: string): Extent[] {
  using file = Deno.openSync(image);
  // An empty file system with packed metadata and no backups uses its first blocks and no others: the rest of the
  // 10 GiB need not be read. (e2fsck on a disk made from the template would say if that were wrong.)
  const start = readBlocks(file, 1);
  const superblock = new DataView(start.buffer, 1024, 1024);
  const usedBlocks = superblock.getUint32(0x04, true) - superblock.getUint32(0x0c, true);
  const used = readBlocks(file, usedBlocks);

  const extents: Extent[] = [];
  let from = 0; // where the current run began
  for (let at = 0; at <= used.length; at += BLOCK_BYTES) {
    const ended = at === used.length || isZero(used.subarray(at, at + BLOCK_BYTES));
    if (!ended) continue;
    if (at > from) extents.push({ offset: from, data: used.subarray(from, at) });
    from = at + BLOCK_BYTES;
  }
  return extents;
}

/** The first `count` blocks of a file. */
function readBlocks(file: Deno.FsFile, count: number): Uint8Array {
  file.seekSync(0, Deno.SeekMode.Start);
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
  const output = Deno.args[0] ?? new URL("../lib/disk.template", import.meta.url).pathname;
  const folder = await Deno.makeTempDir({ prefix: "smolvm-template-" });
  try {
    await makeFileSystem(`${folder}/image`, `${folder}/mke2fs.conf`);
    await writeFileAtomic(
      output,
      encodeTemplate({ sizeBytes: DEFAULT_DISK_BYTES, extents: readExtents(`${folder}/image`) }),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
