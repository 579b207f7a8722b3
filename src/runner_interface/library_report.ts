import { messageOf, SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { encodeError, type ErrorRecord, parseError } from "../state/error_record.ts";

/**
 * The report on the libraries that a process with the permission to load libkrun prints for one without it.
 *
 * @module
 */

/** The libraries of this host: for each its facts, or why it cannot be loaded. */
export interface LibraryReport {
  libkrun: KrunFacts | ErrorRecord;
  libkrunfw: FileFacts | ErrorRecord;
}

/** A library that was loaded. */
export interface FileFacts {
  /** The file, without symlinks: its name may hold the version. */
  path: string;
}

/** libkrun, loaded. */
export interface KrunFacts extends FileFacts {
  /** The features it was built with, such as `BLK`; null: it is too old to report them. */
  features: string[] | null;
  /** Functions that smolvm uses and this libkrun lacks. */
  missing: string[];
}

/** Returns the facts that `look` finds, or the error that it throws. */
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
