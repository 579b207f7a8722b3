/** Debian's software in one machine: systemd, servers at published ports, podman and docker, databases, git. */
import assert from "node:assert/strict";
import { readChunks, writeAll } from "../../src/host/streams.ts";
import type { ExecOptions } from "../../src/mod.ts";
import { freePort } from "../helpers/free_port.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { SOFTWARE } from "../helpers/software.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test } = suite;
const { create, start, stop, remove, listed, demand, inGuest } = machineCommands(suite);

/** nginx serves the volume, and writes all its files there too. */
const NGINX = `pid /data/nginx.pid; error_log /data/error.log; daemon off; events {}
http { access_log off; client_body_temp_path /data/body; proxy_temp_path /data/proxy; fastcgi_temp_path /data/fastcgi;
  uwsgi_temp_path /data/uwsgi; scgi_temp_path /data/scgi; server { listen 80; root /data; } }`;

/** Makes the keys for sshd and a client; Debian's configuration scripts have not run. */
const SSH = `ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
systemctl start ssh; ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR 127.0.0.1 id -un`;

const PODMAN = `podman info --format '{{.Store.GraphDriverName}}'
tar -C /opt/image -c . | podman import -q - localhost/box >/dev/null
podman run --rm --network none localhost/box /bin/busybox echo from a container`;

const DOCKER = `systemctl start docker; docker info --format '{{.Driver}}'
tar -C /opt/image -c . | docker import - box >/dev/null
docker run --rm --network none box /bin/busybox echo from a container`;

const POSTGRES = `bin=/usr/lib/postgresql/15/bin
as() { setpriv --reuid postgres --regid postgres --clear-groups env LC_ALL=C "$@"; }
as $bin/pg_ctl -D /data/postgres -l /data/postgres/log -o "-k /tmp -h ''" -t 200 start >/dev/null
psql() { as $bin/psql -h /tmp -qAt "$@"; }
psql -c 'create table t as select generate_series(1, 1000) n' -c checkpoint
as $bin/pg_ctl -D /data/postgres -m immediate stop >/dev/null
as $bin/pg_ctl -D /data/postgres -l /data/postgres/log -o "-k /tmp -h ''" -t 200 start >/dev/null
psql -c 'select sum(n) from t'; as $bin/pg_ctl -D /data/postgres stop >/dev/null`;

const APT = `apt-get -qq update; apt-get -qq install greeting >/dev/null 2>&1; greeting`;

const NODE = `node -e 'const net = require("net");
const server = net.createServer((conn) => conn.end("from node")).listen(0, "127.0.0.1", () =>
  net.connect(server.address().port, "127.0.0.1").on("end", () => server.close()).pipe(process.stdout))'`;

const GIT = `git init -q repo; cd repo; echo one >file; git add file
git -c user.name=a -c user.email=a@b commit -q -m first; git clone -q . ../clone; git -C ../clone log --format=%s; git fsck`;

const SQLITE = `sqlite3 db 'pragma journal_mode = wal; create table t (n);
with recursive c(n) as (select 1 union all select n + 1 from c where n < 1000) insert into t select n from c;'
sqlite3 db 'pragma integrity_check; select count(*) from t'`;

test(
  "systemd, nginx, sshd, redis, podman, docker, apt, node, postgres, git and sqlite work in a machine",
  async () => {
    const volume = await suite.makeFolder("volume");
    await Deno.chmod(volume, 0o777);
    await Deno.writeTextFile(`${volume}/index.html`, "from the host\n");
    await Deno.writeTextFile(`${volume}/nginx.conf`, NGINX);
    assertCode(await runProcess("cp", { args: ["-a", `${SOFTWARE}/opt/postgres`, volume] }), 0);
    const [web, redis] = [freePort(), freePort()];
    const ports = ["-p", `${web}:80`, "-p", `${redis}:6379`];
    await create("debian", "-m", "1200", ...ports, "-v", `${volume}:/data`, SOFTWARE, "/sbin/init");
    await start("debian");
    const guest = (script: string, options?: ExecOptions) => inGuest("debian", `set -e\n${script}`, options);

    // systemd's bus starts after systemd. The guest's kernel refuses Debian's pid_max, so that one unit fails.
    const state = () => guest("systemctl is-system-running --wait 2>/dev/null || true");
    await until(async () => await state() === "degraded\n", { everyMs: 500 });
    assert.match(await guest("systemctl --failed --plain --no-legend"), /^systemd-sysctl\.service .*\n$/);
    assert.equal(await guest("systemctl is-active multi-user.target"), "active\n");
    assert.equal(await guest("cat /proc/1/comm"), "systemd\n");
    assert.equal(await guest(SSH), "root\n");
    await guest("systemctl start redis-server");
    assert.equal(await ask(redis, "PING\r\nQUIT\r\n"), "+PONG\r\n+OK\r\n");
    await demand(["exec", "-d", "-u", "www-data", "debian", "nginx", "-c", "/data/nginx.conf"]);
    await until(async () => (await ask(web, "GET / HTTP/1.0\r\n\r\n")).endsWith("\r\n\r\nfrom the host\n"));
    assert.equal(await guest(PODMAN), "overlay\nfrom a container\n");
    assert.equal(await guest(DOCKER), "overlay2\nfrom a container\n");
    assert.equal(await guest(APT), "hello from a package\n");
    assert.equal(await guest(NODE), "from node");
    assert.equal(await guest(POSTGRES), "500500\n");
    assert.equal(await guest(GIT, { workdir: "/data" }), "first\n");
    assert.equal(await guest(SQLITE, { workdir: "/data" }), "wal\nok\n1000\n");

    await stop("-t", "300", "debian");
    const { state: ended, exitCode, reason } = await listed("debian");
    assert.deepEqual({ ended, exitCode, reason }, { ended: "stopped", exitCode: 0, reason: null });
    await remove("debian");
  },
  { timeoutMs: 1_100_000 },
);

/** Sends a text to a published port and returns the answer; nothing if no server listens in the guest. */
async function ask(port: number, text: string): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(conn, new TextEncoder().encode(text));
  const chunks = await Array.fromAsync(readChunks(conn)).catch(() => []);
  return await new Blob(chunks as BlobPart[]).text();
}
