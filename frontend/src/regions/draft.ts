/** What the pointer is drawing right now, before it is an edit; and how the brush is set. */

import { signal, type Signal } from "@preact/signals";
import type { Vec3 } from "../api";
import { mayEdit, type Visit } from "../state";
import type { Pane } from "../view/pane";
import type { Caliper, PlaneName, Point, Shape } from "./types";

export type Draft =
  | { readonly kind: "shape"; readonly visit: Visit; readonly name: string; readonly k: number; readonly shape: Shape; readonly open: boolean }
  | {
      readonly kind: "stroke";
      readonly visit: Visit;
      readonly name: string;
      readonly plane: PlaneName;
      readonly index: number;
      readonly path: readonly Point[];
      readonly erase: boolean;
    }
  | { readonly kind: "move"; readonly visit: Visit; readonly name: string; readonly mm: Vec3; readonly pass: number | null }
  | { readonly kind: "caliper"; readonly visit: Visit; readonly name: string; readonly k: number; readonly caliper: Caliper };

export const draft: Signal<Draft | null> = signal(null);
/** Where the pointer is while the brush is in hand. */
export const hover: Signal<{ pane: Pane; x: number; y: number } | null> = signal(null);

export const SMALLEST_MM = 1;
export const LARGEST_MM = 40;
export const radius_mm: Signal<number> = signal(6);
/** A ball reaches into the slices beside; a disc stays in the one drawn on. */
export const ball: Signal<boolean> = signal(false);

export function resize(factor: number): void {
  const next = radius_mm.value * factor;
  radius_mm.value = Math.round(Math.min(LARGEST_MM, Math.max(SMALLEST_MM, next)) * 2) / 2;
}

/** What the caliper measures: the lesion, or what of it enhances in the arterial phase. */
export const measuring: Signal<"caliper" | "viable"> = signal("caliper");

/** Whether this person may draw in this visit: a reader, and the study not signed. */
export function mayDraw(visit: Visit): boolean {
  return mayEdit.value && !visit.study.value?.signed;
}

/** A short word to the hand that draws, shown in the pane for a while. */
export const tip: Signal<{ pane: Pane; text: string } | null> = signal(null);
const TIP_MS = 4000;
let tipTimer = 0;

export function showTip(pane: Pane | null, text: string): void {
  window.clearTimeout(tipTimer);
  tip.value = pane === null ? null : { pane, text };
  if (pane !== null) tipTimer = window.setTimeout(() => (tip.value = null), TIP_MS);
}
