import { fuzzProtocol } from "../../tests/fuzz/protocol.ts";

Deno.test("the parsers of a guest's bytes accept or refuse any input", () => fuzzProtocol(1, 5000));
