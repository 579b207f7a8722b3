import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { EMPTY_IMAGE_CONFIG } from "../image/config.ts";
import { readSecrets, resolveSecrets, secretEnvironment } from "./secrets.ts";

const spec = (name: string, hosts = ["api.test"]) => ({ name, hosts, source: { env: "SMOLVM_TEST_SECRET" } });

Deno.test("resolveSecrets() gives each secret its own placeholder, and makes paths of files absolute", () => {
  const [one, two] = resolveSecrets([spec("ONE"), { ...spec("TWO"), source: { file: "token" } }], ["OTHER=1"]);
  assert.match(one!.placeholder, /^smolvm-secret-[0-9a-f]{32}$/);
  assert.notEqual(one!.placeholder, two!.placeholder);
  assert.deepEqual(two!.source, { file: `${Deno.cwd()}/token` });
});

Deno.test("resolveSecrets() refuses taken names and invalid hosts", () => {
  assert.throws(() => resolveSecrets([spec("ONE")], ["ONE=1"]), {
    code: "usage",
    message: /the variable is set already/,
  });
  assert.throws(() => resolveSecrets([spec("ONE"), spec("ONE")], []), { code: "usage" });
  for (const host of ["10.0.0.1", "public", "api.test:443", "*", "https://api.test"]) {
    assert.throws(() => resolveSecrets([spec("ONE", [host])], []), { code: "usage" }, host);
  }
});

Deno.test("secretEnvironment() lets the image override the certificate files, but not the placeholder", () => {
  const [secret] = resolveSecrets([spec("TOKEN")], []);
  const { env } = secretEnvironment([secret!], { ...EMPTY_IMAGE_CONFIG, env: ["SSL_CERT_FILE=/own", "TOKEN=image"] });
  const last = Object.fromEntries(env.map((variable) => variable.split("=", 2) as [string, string]));
  assert.equal(last["SSL_CERT_FILE"], "/own");
  assert.equal(last["NODE_EXTRA_CA_CERTS"], "/usr/local/share/ca-certificates/smolvm.crt");
  assert.equal(last["TOKEN"], secret!.placeholder);
  assert.equal(secretEnvironment([], EMPTY_IMAGE_CONFIG), EMPTY_IMAGE_CONFIG);
});

Deno.test("readSecrets() reads variables and files, and refuses values that no header can carry", () => {
  using folder = makeTempFolder();
  const file = `${folder.path}/token`;
  const [secret] = resolveSecrets([{ ...spec("TOKEN"), source: { file } }], []);
  Deno.writeTextFileSync(file, "from a file\n");
  assert.deepEqual(readSecrets([secret!])?.values, { TOKEN: "from a file" });
  for (const wrong of ["", "\n", "two\nlines", "caf\u00e9", "x".repeat(16_385)]) {
    Deno.writeTextFileSync(file, wrong);
    assert.throws(() => readSecrets([secret!]), { code: "usage", message: /^Cannot use the secret "TOKEN": / });
  }
  Deno.removeSync(file);
  assert.throws(() => readSecrets([secret!]), { code: "usage", message: /^Cannot read the secret "TOKEN" from / });
  const [variable] = resolveSecrets([spec("TOKEN")], []);
  const unset = 'Cannot use the secret "TOKEN": the variable SMOLVM_TEST_SECRET is not set';
  assert.throws(() => readSecrets([variable!]), { code: "usage", message: unset });
  Deno.env.set("SMOLVM_TEST_SECRET", "from a variable");
  try {
    assert.deepEqual(readSecrets([variable!])?.values, { TOKEN: "from a variable" });
  } finally {
    Deno.env.delete("SMOLVM_TEST_SECRET");
  }
  assert.equal(readSecrets([]), undefined);
});
