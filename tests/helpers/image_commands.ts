/**
 * Runs image commands with the real command line and the real buildah, without a VM.
 *
 * @module
 */

import assert from "node:assert/strict";
import { prepareImage } from "../../src/image/prepare.ts";
import { parseReference } from "../../src/image/reference.ts";
import { createMachineFolder, diskFile, ephemeralFolders } from "../../src/state/machine_folders.ts";
import { type ImageIdentity, writeRecord } from "../../src/state/machine_record.ts";
import { createMachine } from "../../src/state/machines.ts";
import { CREATED, writeStatus } from "../../src/state/status.ts";
import { buildImage, type ImageStore } from "../fixtures/images.ts";
import { SMOLVM } from "./cli.ts";
import { makeRecord } from "./machines.ts";
import { assertCode, type Outcome, runProcess } from "./process.ts";

/** The size of an image's only file. */
export const CONTENT_BYTES = 3_000_000;

/** Runs `smolvm ARGS` on the store of a test. */
export async function smolvm(store: ImageStore, args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const home = `${store.folder}/home`;
  await Deno.mkdir(home, { recursive: true });
  return await runProcess(SMOLVM, { args, env: { ...store.env, HOME: home, XDG_RUNTIME_DIR: `${home}/run`, ...env } });
}

/** The output of `smolvm ARGS`, which must not fail or print errors. */
export async function print(store: ImageStore, ...args: string[]): Promise<string> {
  const outcome = await smolvm(store, args);
  assertCode(outcome, 0);
  assert.equal(outcome.stderr, "");
  return outcome.stdout;
}

/** Asserts that `smolvm ARGS` fails with this error and changes no image. */
export async function assertRefused(store: ImageStore, args: string[], message: RegExp): Promise<void> {
  const before = await imagesIn(store);
  const { code, stdout, stderr } = await smolvm(store, args);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
  assert.match(stderr, message);
  assert.deepEqual(await imagesIn(store), before);
}

/** An image as `smolvm images` prints it. */
export interface ImageJson {
  id: string;
  digest: string;
  names: string[];
  origin: string | null;
  sizeBytes: number;
  prepared: boolean;
}

/** The images that `smolvm images` lists. */
export const imagesIn = async (store: ImageStore): Promise<ImageJson[]> =>
  JSON.parse(await print(store, "images", "--format", "json"));

/** Builds an image with unique content, and returns its id. */
export async function build(store: ImageStore, name = "localhost/app:1"): Promise<string> {
  const content = new Uint8Array(CONTENT_BYTES);
  for (let at = 0; at < content.length; at += 65_536) crypto.getRandomValues(content.subarray(at, at + 65_536));
  await Deno.writeFile(`${store.folder}/rootfs/content`, content);
  return await buildImage(store, { name, rootfs: `${store.folder}/rootfs`, cmd: ["true"], env: { GREETING: "hi" } });
}

/** Prepares an image and holds it, like a machine that is about to start. */
export const prepare = (text: string) => prepareImage(parseReference(text, "/"), { pull: "missing", tlsVerify: false });

/** The facts about an image that a machine records. */
export async function identityOf(text: string): Promise<ImageIdentity> {
  const { reference, imageId, digest, hold } = await prepare(text);
  hold[Symbol.dispose]();
  return { reference, imageId, digest };
}

/** Makes a persistent machine that was never started. */
export async function makeStopped(name: string, image: ImageIdentity): Promise<void> {
  const id = crypto.randomUUID().slice(-12);
  const fill = (folder: string) => Deno.writeFileSync(diskFile(folder), new Uint8Array(8192));
  await createMachine(makeRecord({ id, name, created: new Date().toISOString(), source: { image } }), fill);
}

/** Makes an ephemeral machine that appears to run until it is disposed of. Its folder remains. */
export async function makeRunning(name: string, image: ImageIdentity): Promise<Disposable> {
  const id = crypto.randomUUID().slice(-12);
  const { folder } = ephemeralFolders(id);
  const lock = createMachineFolder(folder);
  await writeStatus(folder, { ...CREATED, state: "running" });
  await writeRecord(folder, makeRecord({ id, name, created: new Date().toISOString(), source: { image } }));
  return lock;
}

/** Deletes a machine. */
export async function remove(name: string): Promise<void> {
  assertCode(await runProcess(SMOLVM, { args: ["delete", "--force", name] }), 0);
}
