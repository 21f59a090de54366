/** What every drawing tool needs: where the pointer is, what lies under it, whether drawing is allowed, and a word to the hand. */

import type { Vec3 } from "../api";
import { t } from "../i18n";
import type { ToolEvent } from "../slots";
import { said, type Visit } from "../state";
import { toMillimetres } from "../view/geometry";
import { layers, type Pane } from "../view/pane";
import { otherSet, toggleSet } from "../view/visit";
import { choose, chosen, drawnOf } from "./desk";
import { draft, mayDraw, showTip, type Draft } from "./draft";
import { inside } from "./mask";
import type { Point, Region } from "./types";

/** How near the pointer must come to a handle, in screen pixels. */
export const REACH = 9;

export function set(next: Draft | null): void {
  draft.value = next;
  layers.redraw();
}

/** Tells the hand that draws, in the pane and to screen readers. */
export function say(pane: Pane, key: Parameters<typeof t>[0], fill: Record<string, string | number> = {}): void {
  said.value = t(key, fill);
  showTip(pane, said.value);
}

/** Whether a visit shows the images from before motion correction although there are corrected ones, which its regions lie on. */
export function offGround(visit: Visit): boolean {
  return visit.set.value === "acquired" && otherSet(visit) !== null;
}

/** Shows the corrected images where they were not shown, and says so: false then, for what was aimed at may lie elsewhere on them. */
export function onGround(pane: Pane): boolean {
  if (!offGround(pane.visit)) return true;
  toggleSet(pane.visit);
  say(pane, "regions.onCorrected");
  return false;
}

/** Whether drawing may start here; says why not. */
export function allowed(event: ToolEvent, axialOnly: boolean): boolean {
  if (!mayDraw(event.pane.visit)) {
    say(event.pane, event.pane.visit.study.value?.signed ? "regions.signed" : "regions.viewerOnly");
    return false;
  }
  if (axialOnly && event.pane.plane !== "axial") {
    say(event.pane, "regions.axialOnly");
    return false;
  }
  return onGround(event.pane);
}

/** The region that a drawing goes into: the selected one, else a new lesion. */
export function target(pane: Pane): string {
  const drawn = drawnOf(pane.visit);
  const now = chosen(pane.visit);
  const known = now !== null && (drawn.get(now) !== null || drawn.waiting.value.some((entry) => entry.region === now));
  const name = known ? now : drawn.freeLesion();
  choose(pane.visit, name);
  return name;
}

export function sliceOf({ voxel }: ToolEvent): number {
  return Math.round(voxel[0]);
}

export function pointOf({ voxel }: ToolEvent): Point {
  return [voxel[1], voxel[2]];
}

/**
 * The smallest visible region that holds the voxel under the pointer; the selected one first where it does. The liver, in which all
 * the work is done, only when it is selected: else a hand that misses a lesion would take hold of it.
 */
export function under({ pane, voxel }: Pick<ToolEvent, "pane" | "voxel">): Region | null {
  const drawn = drawnOf(pane.visit);
  const selected = chosen(pane.visit);
  const [k, j, i] = voxel.map(Math.round) as Vec3;
  const held = drawn.standing().filter((region) => {
    if (region.kind === "liver" && region.name !== selected) return false;
    const mask = drawn.hidden.value.has(region.name) ? null : drawn.held(region.name);
    return mask !== null && inside(mask.mask, k, j, i);
  });
  return held.find((region) => region.name === selected) ?? held.sort((a, b) => a.voxels - b.voxels)[0] ?? null;
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function mmAt({ pane, voxel }: ToolEvent): Vec3 {
  return toMillimetres(pane.shape()!, voxel);
}
