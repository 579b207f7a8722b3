import { messageOf, SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { encodeError, type ErrorRecord, parseError } from "./error_record.ts";

/**
 * What a process that may load libkrun writes of the libraries to its standard output, for one that may not.
 *
 * @module
 */

/** The libraries of this host, each as it is or why it cannot be had. */
export interface LibraryReport {
  libkrun: KrunFacts | ErrorRecord;
  libkrunfw: FileFacts | ErrorRecord;
}

/** A library that could be loaded. */
export interface FileFacts {
  /** The file, without symlinks: its name may hold the version. */
  path: string;
}

/** libkrun, loaded. */
export interface KrunFacts extends FileFacts {
  /** What it was built with, such as `BLK`; null: it is too old to be asked. */
  features: string[] | null;
  /** Functions that smolvm makes use of, and that this libkrun is too old for. */
  missing: string[];
}

/** The facts that `look` finds, or why it cannot. */
export function factsOrError<T>(look: () => T): T | ErrorRecord {
  try {
    return look();
  } catch (error) {
    return encodeError(error instanceof SmolvmError ? error : new SmolvmError("internal", messageOf(error)));
  }
}

/**
 * Reads a report.
 *
 * @throws {SmolvmError} `internal`.
 */
export function parseLibraryReport(json: string): LibraryReport {
  const fields = new Fields(JSON.parse(json), { what: "Library report", code: "internal" });
  const report = {
    libkrun: parseFacts(fields.object("libkrun"), (facts) => ({
      path: facts.string("path"),
      features: facts.has("features") ? facts.strings("features") : null,
      missing: facts.strings("missing"),
    })),
    libkrunfw: parseFacts(fields.object("libkrunfw"), (facts) => ({ path: facts.string("path") })),
  };
  fields.end();
  return report;
}

function parseFacts<T>(fields: Fields, parse: (fields: Fields) => T): T | ErrorRecord {
  if (!fields.has("path")) return parseError(fields);
  const facts = parse(fields);
  fields.end();
  return facts;
}
