import { messageOf } from "../errors.ts";
import { Fields } from "../fields.ts";
import { writeFileAtomic } from "../host/atomic_write.ts";
import { log } from "../log.ts";
import { namesIn } from "../state/machine_folders.ts";
import type { ImageConfig } from "./config.ts";
import { isReady, type Rootfs, type WorkingContainer } from "./container.ts";
import { type FileStamp, isUnchanged } from "./stamp.ts";

const VERSION = 1;

/** The result of the last preparation of an image; buildah is not needed again until something changes. */
export interface ImageRecord {
  /** The full name. */
  reference: string;
  imageId: string;
  digest: string;
  config: ImageConfig;
  container: WorkingContainer;
  /** The stamp of the storage's list of images, which changes with every change of an image. */
  images: FileStamp;
  /** The stamp of the archive or folder that the image was loaded from; null: a registry. */
  origin: FileStamp | null;
}

/** Whether a record is still valid. A reboot or the user's buildah commands may invalidate it. */
export async function isCurrent({ images, origin, container }: ImageRecord): Promise<boolean> {
  const facts = [isUnchanged(images), origin === null || isUnchanged(origin), isReady(container)];
  return (await Promise.all(facts)).every((holds) => holds);
}

/** Reads a record; returns `undefined` if it is missing, broken or of another version: it is rewritten then. */
export async function readRecord(path: string): Promise<ImageRecord | undefined> {
  try {
    return parseRecord(await Deno.readTextFile(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      log("warn", `Ignoring the image record "${path}": ${messageOf(error)}`);
    }
    return undefined;
  }
}

/** The readable records in a folder, with their paths. */
export async function listRecords(folder: string): Promise<{ path: string; record: ImageRecord }[]> {
  const paths = namesIn(folder).filter((name) => name.endsWith(".json")).map((name) => `${folder}/${name}`);
  const records = await Promise.all(paths.map(async (path) => ({ path, record: await readRecord(path) })));
  return records.flatMap(({ path, record }) => record === undefined ? [] : [{ path, record }]);
}

/**
 * Replaces a record.
 *
 * @throws {SmolvmError} `storage`
 */
export async function writeRecord(path: string, record: ImageRecord): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify({ version: VERSION, ...record }, undefined, 2)}\n`);
}

function parseRecord(text: string): ImageRecord {
  const fields = new Fields(JSON.parse(text), { what: "The record", code: "state" });
  fields.version("version", VERSION);
  const record = {
    reference: fields.string("reference"),
    imageId: fields.string("imageId"),
    digest: fields.string("digest"),
    config: parseConfig(fields.object("config")),
    container: parseContainer(fields.object("container")),
    images: parseStamp(fields.object("images")),
    origin: fields.has("origin") ? parseStamp(fields.object("origin")) : null,
  };
  fields.end();
  return record;
}

function parseConfig(fields: Fields): ImageConfig {
  const config = {
    entrypoint: fields.strings("entrypoint"),
    cmd: fields.strings("cmd"),
    env: fields.strings("env"),
    user: fields.string("user"),
    workingDir: fields.string("workingDir"),
    stopSignal: fields.string("stopSignal"),
  };
  fields.end();
  return config;
}

function parseContainer(fields: Fields): WorkingContainer {
  const container = {
    name: fields.string("name"),
    folder: fields.string("folder"),
    rootfs: fields.has("rootfs") ? parseRootfs(fields.object("rootfs")) : null,
  };
  fields.end();
  return container;
}

function parseRootfs(fields: Fields): Rootfs {
  const rootfs = { path: fields.string("path"), isMountPoint: fields.boolean("isMountPoint") };
  fields.end();
  return rootfs;
}

function parseStamp(fields: Fields): FileStamp {
  const stamp = {
    path: fields.string("path"),
    inode: fields.integer("inode", 0, Number.MAX_SAFE_INTEGER),
    sizeBytes: fields.integer("sizeBytes", 0, Number.MAX_SAFE_INTEGER),
    mtimeMs: fields.integer("mtimeMs", 0, Number.MAX_SAFE_INTEGER),
  };
  fields.end();
  return stamp;
}
