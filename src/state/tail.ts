/** The last `lines` lines of a text file that are not blank, read from its last 8 KiB; none when there is no file. */
export async function tailOf(path: string, lines: number): Promise<string[]> {
  const BYTES = 8 * 1024;
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    await file.seek(Math.max(0, size - BYTES), Deno.SeekMode.Start);
    const text = await new Response(file.readable).text();
    return text.split(/\r?\n/).filter((line) => line.trim() !== "").slice(-lines);
  } catch {
    return []; // It only ever adds to an error's text.
  }
}
