/** The frame round the pages. Who knows that it is needed soon calls this, and it comes meanwhile. */
export async function fetchShell() {
  return { default: (await import("./shell/Shell")).Shell };
}
