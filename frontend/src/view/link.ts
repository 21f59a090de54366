/** Two visits side by side: where the one is looked at says where the other is. */
import { signal, type Signal } from "@preact/signals";
import type { Vec3 } from "../api";
import { first, layout, second, type Visit } from "../state";
import { clamp, fromMillimetres, fromPlane, toMillimetres, toPlane } from "./geometry";

/** Millimetres from a place of the first visit to the same anatomy in the second; null follows by relative position. */
export const offset_mm: Signal<Vec3 | null> = signal(null);
export const linked: Signal<boolean> = signal(true);

/** Moves the other visit to the place that `from` looks at. */
export function linkFrom(from: Visit): void {
  if (layout.value !== "visits" || !linked.value) return;
  const to = from === first ? second : first;
  const here = from.images.value?.planes.axial;
  const there = to.images.value?.planes.axial;
  if (here === undefined || there === undefined) return;
  if (offset_mm.value !== null) {
    const sign = from === first ? 1 : -1;
    const point = toMillimetres(here, from.cross.value).map((mm, n) => mm + sign * offset_mm.value![n]!) as Vec3;
    const shape = to.images.value!.grid.shape;
    to.cross.value = fromMillimetres(there, point).map((at, n) => clamp(at, 0, shape[n]! - 1)) as Vec3;
    return;
  }
  const [index, row, column] = toPlane(here, from.cross.value);
  const part = (at: number, of: number, other: number): number => (of > 1 ? (at / (of - 1)) * (other - 1) : (other - 1) / 2);
  to.cross.value = fromPlane(there, [part(index, here.count, there.count), part(row, here.rows, there.rows), part(column, here.columns, there.columns)]);
}

/** Keeps the offset between the two places looked at now. */
export function linkHere(): void {
  const here = first.images.value?.planes.axial;
  const there = second.images.value?.planes.axial;
  if (here === undefined || there === undefined) return;
  const a = toMillimetres(here, first.cross.value);
  const b = toMillimetres(there, second.cross.value);
  offset_mm.value = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
}
