/** How far a copy has come. */
export interface CopyProgress {
  /** The file that is copied now, below what is copied; empty for that itself. */
  file: string;
  /** Its bytes. */
  fileBytes: number;
  /** How many of them are copied. */
  fileDone: number;
  /** Bytes of all files, as far as they are copied. */
  done: number;
}

/** Told of each step of a copy. */
export type OnProgress = (progress: CopyProgress) => void;
