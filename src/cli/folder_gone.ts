/** The launcher sets this variable if its working folder was removed: Deno does not start in a removed folder. */
export const FOLDER_GONE = "SMOLVM_FOLDER_GONE";
