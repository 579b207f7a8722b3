import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { connect, createServer, type TLSSocket } from "node:tls";
import { Authority } from "./certificates.ts";

Deno.test("Authority issues certificates that a client which trusts it accepts for its names only", async () => {
  const authority = await Authority.create(["api.test"]);
  const certificate = new X509Certificate(authority.certificate);
  assert.ok(certificate.ca);
  const attempt = async (name: string, { trusts = authority.certificate } = {}) => {
    const { certificate: cert, key } = await authority.issue(name);
    const server = createServer({ cert, key }, (socket) => socket.end("hello"));
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const answer = await new Promise<string>((resolve) => {
      const client: TLSSocket = connect({ host: "127.0.0.1", port, servername: name, ca: trusts });
      client.on("data", (data) => resolve(String(data))).on("error", (error) => resolve(error.message));
      client.on("data", () => client.destroy());
    });
    await new Promise((resolve) => server.close(resolve));
    return answer;
  };
  assert.equal(await attempt("api.test"), "hello");
  assert.equal(await attempt("below.api.test"), "hello");
  // The guest's programs accept no other name, whatever the authority signs.
  assert.match(await attempt("bank.test"), /constraint|certificate/i);
  assert.match(
    await attempt("api.test", { trusts: (await Authority.create(["api.test"])).certificate }),
    /certificate|issuer/i,
  );
});
