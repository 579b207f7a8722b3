import { fuzzNetwork } from "../../tests/fuzz/network.ts";

Deno.test("the gateway survives random packets from a guest, and sends only well-formed packets", () =>
  fuzzNetwork(1, 200));
