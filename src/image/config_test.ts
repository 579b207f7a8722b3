import assert from "node:assert/strict";
import { EMPTY_IMAGE_CONFIG, parseDescription, parseInspectedImage } from "./config.ts";

const imageId = "3e".repeat(32);
const digest = `sha256:${"55".repeat(32)}`;

const inspected = (oci: unknown, id = imageId) =>
  JSON.stringify({ Type: "buildah 0.0.1", FromImageID: id, FromImageDigest: digest, OCIv1: oci, Docker: {} });

const parse = (json: string) => parseInspectedImage(json, "app", "x86_64");

Deno.test("parseInspectedImage() reads the id, the digest and the settings of the command", () => {
  const config = {
    User: "app:users",
    ExposedPorts: { "80/tcp": {} },
    Env: ["PATH=/bin", "EMPTY=", "EQUALS=a=b", "BARE", "=x"],
    Entrypoint: ["/init", ""],
    Cmd: ["--flag"],
    WorkingDir: "/srv",
    StopSignal: "SIGQUIT",
  };
  assert.deepEqual(parse(inspected({ architecture: "amd64", os: "linux", config })), {
    imageId,
    digest,
    config: {
      entrypoint: ["/init", ""],
      cmd: ["--flag"],
      env: ["PATH=/bin", "EMPTY=", "EQUALS=a=b"],
      user: "app:users",
      workingDir: "/srv",
      stopSignal: "SIGQUIT",
    },
  });
});

Deno.test("parseInspectedImage() treats absent and null fields as empty", () => {
  const config = { Entrypoint: null, Cmd: null, Env: null };
  for (const oci of [{ config }, { config: {} }, { config: null }, {}]) {
    const { config } = parse(inspected({ architecture: "amd64", os: "linux", ...oci }));
    assert.deepEqual(config, EMPTY_IMAGE_CONFIG);
  }
});

Deno.test("parseInspectedImage() treats an entrypoint of one empty word as none", () => {
  const entrypointOf = (Entrypoint: string[]) =>
    parse(inspected({ architecture: "amd64", os: "linux", config: { Entrypoint } })).config.entrypoint;
  assert.deepEqual(entrypointOf([""]), []);
  assert.deepEqual(entrypointOf(["", "x"]), ["", "x"]);
});

Deno.test("parseInspectedImage() refuses an image for another architecture or operating system", () => {
  const arm = inspected({ architecture: "arm64", os: "linux" });
  assert.throws(() => parse(arm), {
    code: "image",
    message: 'Cannot run image "app": it is for linux/arm64, this host runs linux/amd64',
  });
  assert.equal(parseInspectedImage(arm, "app", "aarch64").imageId, imageId);
  assert.throws(() => parse(inspected({ architecture: "amd64", os: "windows" })), /it is for windows\/amd64/);
});

Deno.test("parseInspectedImage() refuses invalid output", () => {
  const linux = { architecture: "amd64", os: "linux" };
  const cases: [string, RegExp][] = [
    ["Error", /Cannot parse the output of buildah about image "app"/],
    ["[]", /Image "app" is a list, expected an object/],
    [inspected(undefined), /OCIv1 is missing, expected an object/],
    [inspected(linux, "../../x"), /"\.\.\/\.\.\/x" is not an image id/],
    [inspected({ ...linux, config: { Cmd: "sh" } }), /Cmd is a string, expected a list/],
    [inspected({ ...linux, config: { Env: [1] } }), /Env\[0\] is 1, expected a string/],
    [inspected({ ...linux, config: { User: 1000 } }), /User is 1000, expected a string/],
  ];
  for (const [json, message] of cases) assert.throws(() => parse(json), { code: "image", message });
});

Deno.test("parseDescription() describes an image for any host, with its labels and layers", () => {
  const config = { Cmd: ["sh"], Labels: { vendor: "us", empty: "" } };
  const rootfs = { type: "layers", "diff_ids": [digest] };
  const image = inspected({ architecture: "riscv64", os: "plan9", config, rootfs });
  assert.deepEqual(parseDescription(image, "app"), {
    imageId,
    digest,
    config: { ...EMPTY_IMAGE_CONFIG, cmd: ["sh"] },
    os: "plan9",
    architecture: "riscv64",
    labels: { vendor: "us", empty: "" },
    layers: [digest],
  });
  const { labels, layers } = parseDescription(inspected({ architecture: "amd64", os: "linux" }), "app");
  assert.deepEqual({ labels, layers }, { labels: {}, layers: [] });
});
