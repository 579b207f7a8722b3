/** The progress of a copy. */
export interface CopyProgress {
  /** The file being copied, relative to the root of the copy; empty for the root. */
  file: string;
  /** Its size in bytes. */
  fileBytes: number;
  /** The number of its bytes copied so far. */
  fileDone: number;
  /** The number of bytes of all files copied so far. */
  done: number;
}

/** Called for each step of a copy. */
export type OnProgress = (progress: CopyProgress) => void;
