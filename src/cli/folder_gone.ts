/** By which the launcher says that the folder it was started in is gone, where Deno does not start. */
export const FOLDER_GONE = "SMOLVM_FOLDER_GONE";
