/** The region of which more is shown than its line. */

import { signal, type Signal } from "@preact/signals";
import type { Visit } from "../state";

/** Both visits may have a lesion of one name. */
export function openedKey(visit: Visit, name: string): string {
  return `${visit.key}/${name}`;
}

export const opened: Signal<string | null> = signal(null);
