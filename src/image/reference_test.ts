import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { classifySource, parseReference } from "./reference.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const parse = (text: string) => parseReference(text, "/work folder");

Deno.test("parseReference() expands registry references to full names", () => {
  const cases: [string, string][] = [
    ["alpine", "docker.io/library/alpine:latest"],
    ["alpine:3.20", "docker.io/library/alpine:3.20"],
    ["alpine:Edge_1", "docker.io/library/alpine:Edge_1"],
    ["library/alpine", "docker.io/library/alpine:latest"],
    ["user/app", "docker.io/user/app:latest"],
    ["docker.io/alpine", "docker.io/library/alpine:latest"],
    ["index.docker.io/user/app:1", "docker.io/user/app:1"],
    ["docker://quay.io/a/b", "quay.io/a/b:latest"],
    ["quay.io/a/b/c-d__e.f:1", "quay.io/a/b/c-d__e.f:1"],
    ["localhost/app", "localhost/app:latest"],
    ["localhost:5000/app", "localhost:5000/app:latest"],
    ["127.0.0.1:5000/app:1.0", "127.0.0.1:5000/app:1.0"],
    ["[::1]:5000/app", "[::1]:5000/app:latest"],
    [`alpine@${DIGEST}`, `docker.io/library/alpine@${DIGEST}`],
    [`localhost:5000/app:1.0@${DIGEST}`, `localhost:5000/app@${DIGEST}`],
  ];
  for (const [text, name] of cases) {
    const reference = parse(text);
    assert.deepEqual([text, reference.kind, reference.name], [text, "registry", name]);
  }
});

Deno.test("parseReference() matches an image built on this host by a short name only", () => {
  assert.deepEqual(parse("app:1"), {
    kind: "registry",
    name: "docker.io/library/app:1",
    localName: "localhost/app:1",
  });
  assert.deepEqual(parse("user/app:1"), { kind: "registry", name: "docker.io/user/app:1" });
  assert.deepEqual(parse("docker.io/app:1"), { kind: "registry", name: "docker.io/library/app:1" });
});

Deno.test("parseReference() resolves the paths of local transports and keeps the image name after them", () => {
  const cases: [string, string, string][] = [
    ["oci-archive:/a/b.tar", "oci-archive:/a/b.tar", "/a/b.tar"],
    ["oci-archive:b.tar:tag", "oci-archive:/work folder/b.tar:tag", "/work folder/b.tar"],
    ["docker-archive:b.tar:app:1", "docker-archive:/work folder/b.tar:app:1", "/work folder/b.tar"],
    ["oci:layout:1", "oci:/work folder/layout:1", "/work folder/layout/index.json"],
    ["dir:./a:b", "dir:/work folder/./a:b", "/work folder/./a:b/manifest.json"],
  ];
  for (const [text, name, changesWith] of cases) {
    assert.deepEqual(parse(text), { kind: "local", name, changesWith });
  }
});

Deno.test("parseReference() reports the fault in an invalid reference", () => {
  const cases: [string, RegExp][] = [
    ["Alpine", /"Alpine" must be in lower case/],
    ["quay.io/User/app", /"User" must be in lower case/],
    ["a//b", /"" is not part of an image's name/],
    ["a/", /"" is not part of an image's name/],
    ["-a", /"-a" is not part/],
    ["a b", /"a b" is not part/],
    ["a___b", /"a___b" is not part/],
    ["alpine:", /"" is not a tag/],
    ["alpine:.x", /"\.x" is not a tag/],
    [`alpine:${"x".repeat(129)}`, /is not a tag/],
    ["alpine@sha256:123", /"sha256:123" is not a digest; expected "sha256:" and 64/],
    [`@${DIGEST}`, /it has no name/],
    ["docker://", /it has no name/],
    ["-x.io/app", /"-x\.io" is not the address of a registry/],
    ["a".repeat(256), /longer than 255/],
    ["oci-archive:", /a path is missing after "oci-archive:"/],
    ["oci::tag", /a path is missing after "oci:"/],
    ["https://quay.io/a", /the transport "https:" is not supported; known are docker:\/\/, docker-archive:/],
    ["containers-storage:alpine", /the transport "containers-storage:" is not supported/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parse(text), { code: "source", message }, text);
  }
});

Deno.test("classifySource() returns a folder if it exists, otherwise an image", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "smolvm-source-" }));
  const before = Deno.cwd();
  try {
    Deno.chdir(folder);
    await Deno.mkdir("here/docker.io", { recursive: true });
    await Deno.writeTextFile("app.tar", "");

    for (const source of ["here", "./here", "here/", `${folder}/here`, "here/../here"]) {
      assert.deepEqual(classifySource(source), { kind: "folder", path: `${folder}/here` });
    }
    assert.deepEqual(classifySource("here/docker.io"), { kind: "folder", path: `${folder}/here/docker.io` });
    for (const source of ["docker.io/library/alpine", "localhost:5000/app", "alpine", "app.tar"]) {
      assert.equal(classifySource(source).kind, "image");
    }
    assert.deepEqual(classifySource("oci-archive:app.tar"), {
      kind: "image",
      reference: { kind: "local", name: `oci-archive:${folder}/app.tar`, changesWith: `${folder}/app.tar` },
    });
  } finally {
    Deno.chdir(before);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("classifySource() resolves relative paths against the given folder only", () => {
  using folder = makeTempFolder();
  Deno.mkdirSync(`${folder.path}/here/src`, { recursive: true });
  Deno.writeTextFileSync(`${folder.path}/app.tar`, "");
  const classify = (source: string) => classifySource(source, folder.path);
  for (const source of ["here", "./here", `${folder.path}/here`]) {
    assert.deepEqual(classify(source), { kind: "folder", path: `${folder.path}/here` });
  }
  assert.deepEqual(classify("oci-archive:app.tar"), {
    kind: "image",
    reference: { kind: "local", name: `oci-archive:${folder.path}/app.tar`, changesWith: `${folder.path}/app.tar` },
  });
  // The working directory of the tests has a folder "src".
  assert.equal(classify("src").kind, "image");
  assert.throws(() => classify("./src"), { code: "source" });
});

Deno.test("classifySource() names the missing file of an image archive or folder", () => {
  const files = {
    "oci-archive:/none/app.tar:1": "/none/app.tar",
    "dir:/none": "/none/manifest.json",
    "oci:/none:1": "/none/index.json",
  };
  for (const [source, file] of Object.entries(files)) {
    assert.throws(() => classifySource(source), {
      code: "source",
      message: `Cannot use the image "${source}": "${file}": No such file or directory`,
    });
  }
});

Deno.test("classifySource() refuses a path that is not a folder, and does not look for an image", () => {
  for (const source of ["./none", "/none/at/all", "../none-here"]) {
    assert.throws(() => classifySource(source), {
      code: "source",
      message: `Cannot use the folder "${source}": No such file or directory`,
    });
  }
  assert.throws(() => classifySource("/etc/passwd"), {
    code: "source",
    message: 'Cannot use "/etc/passwd" as a root filesystem: it is not a folder',
  });
  assert.throws(() => classifySource(""), { code: "source" });
});
