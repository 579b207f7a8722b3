/** A TCP port that stays free for a moment, because no other process on a test host uses random ports. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
