import { fuzzNetwork } from "../../tests/fuzz/network.ts";

Deno.test("the network takes or drops whatever a guest sends, and answers with packets that are well-formed", () =>
  fuzzNetwork(1, 200));
