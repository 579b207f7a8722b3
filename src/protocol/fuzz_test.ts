import { fuzzProtocol } from "../../tests/fuzz/protocol.ts";

Deno.test("the readers of a guest's bytes take or refuse whatever comes", () => fuzzProtocol(1, 5000));
