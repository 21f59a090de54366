/** Categories, remarks, quantities and parts in the reader's words. */

import { t } from "../i18n";
import { first, words } from "../state";
import { PART_ORDER } from "./forms";
import { figures } from "./numbers";

export function flagText(code: string): string {
  return words.value?.flags[code]?.text ?? code;
}

export function Flags({ codes }: { codes: readonly string[] }) {
  if (codes.length === 0) return null;
  return (
    <ul class="flags">
      {codes.map((code) => <li key={code}>{flagText(code)}</li>)}
    </ul>
  );
}

/** Whether the study on show is known to be the patient's first visit: nothing was treated between it and another. */
export function atFirstVisit(): boolean {
  return first.study.value?.first_visit ?? false;
}

/** Which side of the cut-off a ratio lies: at a first visit a baseline, not a response. */
export function sideOf(category: "major" | "minor"): string {
  return t(category === "major" ? "response.below" : "response.above");
}

export function quantity(key: string): { name: string; unit: string } {
  const known = words.value?.quantities[key];
  return { name: known?.name ?? key, unit: known?.unit ?? figures.results.value?.units[key] ?? "" };
}

export function partName(part: string): string {
  return (PART_ORDER as readonly string[]).includes(part) ? t(`part.${part as (typeof PART_ORDER)[number]}`) : part;
}
