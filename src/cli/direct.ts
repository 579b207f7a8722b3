import { FOLDER_GONE } from "./folder_gone.ts";
import { openLog } from "./log_options.ts";
import { type OptionRow, type ParsedWords, parseWords } from "./option_table.ts";
import { withErrorReport } from "./report.ts";

/**
 * Runs this process's command line without loading commander, reports errors, and returns the exit code. Returns
 * `undefined` if the words do not fit the table, `act` declines them, or the working folder is gone: the caller must
 * then run the full program.
 */
export async function runWithoutCommander(
  table: readonly OptionRow[],
  act: (words: ParsedWords) => Promise<number> | undefined,
): Promise<number | undefined> {
  return await withErrorReport(async () => {
    if (Deno.env.get(FOLDER_GONE)) return undefined;
    const words = parseWords(Deno.args.slice(1), table);
    if (words === undefined) return undefined;
    openLog(undefined);
    return await act(words);
  });
}
