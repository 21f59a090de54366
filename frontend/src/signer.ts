/** The name somebody typed on this computer last, to read or sign with. */

const KEY = "hepaflow.typed-name";

export function typedName(): string {
  try {
    return window.localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function keepName(name: string): void {
  try {
    window.localStorage.setItem(KEY, name);
  } catch {
    // A browser that shuts its storage has the name typed each time.
  }
}
