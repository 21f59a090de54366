/** The region of which more is shown than its line. */

import { signal, type Signal } from "@preact/signals";

export const opened: Signal<string | null> = signal(null);
