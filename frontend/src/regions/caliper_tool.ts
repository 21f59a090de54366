/** The caliper by pointer: the long axis, then the short one across it; ends of one that is there can be dragged. */

import type { Vec3 } from "../api";
import type { PointerTool } from "../slots";
import { fromMillimetres } from "../view/geometry";
import { caliperOf, length, perpendicular } from "./caliper";
import { choose, chosen, drawnOf, edit } from "./desk";
import { draft, measuring, showTip } from "./draft";
import { allowed, mmAt, REACH, say, set, sliceOf, under } from "./hand";
import type { Caliper, Place, Region } from "./types";

let long: { axis: [Place, Place]; done: boolean; k: number; name: string } | null = null;
let caliperEnd: { caliper: Caliper; end: number } | null = null;
let shortFrom: Place | null = null;

/** The axes of a lesion that the caliper now measures. */
function axesOf(region: Region): Caliper | null {
  return measuring.value === "viable" ? (region.viable?.axes ?? null) : region.caliper;
}

/** A caliper with one of its four ends dragged; the short axis stays perpendicular. */
function endDragged(caliper: Caliper, end: number, to: Place): Caliper {
  const longAxis: [Place, Place] = [caliper.long[0], caliper.long[1]];
  let shortAxis: [Place, Place] = [caliper.short[0], caliper.short[1]];
  if (end < 2) longAxis[end] = to;
  else shortAxis[end - 2] = to;
  if (length(...longAxis) === 0) return caliper;
  shortAxis = perpendicular(longAxis, shortAxis[0], shortAxis[1]);
  return { long: longAxis, short: shortAxis, long_mm: length(...longAxis), short_mm: length(...shortAxis) };
}

export const CALIPER: PointerTool = {
  cursor: "crosshair",
  down(event) {
    if (event.event.shiftKey || event.event.ctrlKey || !allowed(event, true)) return false;
    const drawn = drawnOf(event.pane.visit);
    const region = drawn.get(chosen(drawn.visit)) ?? under(event);
    if (region === null || region.kind !== "lesion") {
      say(event.pane, "regions.caliperLesion");
      return true;
    }
    choose(drawn.visit, region.name);
    const plane = event.pane.shape()!;
    const there = axesOf(region);
    if (long === null && there !== null) {
      const ends = [...there.long, ...there.short].map((place) => fromMillimetres(plane, [...place] as Vec3));
      const hit = ends.findIndex((voxel) => {
        const at = event.pane.toScreen(voxel);
        return Math.abs(event.pane.depth(voxel)) <= 0.75 && Math.hypot(at.x - event.x, at.y - event.y) <= REACH;
      });
      if (hit >= 0) {
        caliperEnd = { caliper: there, end: hit };
        return true;
      }
    }
    if (long?.done && long.k === sliceOf(event) && long.name === region.name) shortFrom = mmAt(event);
    else long = { axis: [mmAt(event), mmAt(event)], done: false, k: sliceOf(event), name: region.name };
    return true;
  },
  move(event) {
    const visit = event.pane.visit;
    const here = mmAt(event);
    if (caliperEnd !== null) {
      const caliper = endDragged(caliperEnd.caliper, caliperEnd.end, here);
      set({ kind: "caliper", visit, name: chosen(visit)!, k: sliceOf(event), caliper });
    } else if (long !== null && !long.done) {
      long.axis = [long.axis[0], here];
      const caliper = { long: long.axis, short: [long.axis[0], long.axis[0]] as const, long_mm: length(...long.axis), short_mm: 0 };
      set({ kind: "caliper", visit, name: long.name, k: long.k, caliper });
    } else if (long !== null && shortFrom !== null) {
      const short = perpendicular(long.axis, shortFrom, here);
      set({ kind: "caliper", visit, name: long.name, k: long.k, caliper: { long: long.axis, short, long_mm: length(...long.axis), short_mm: length(...short) } });
    }
  },
  up(event) {
    const now = draft.value;
    if (now?.kind !== "caliper") {
      if (long !== null && !long.done) long = null;
      return;
    }
    if (long !== null && !long.done) {
      if (now.caliper.long_mm < 1) long = null;
      else long.done = true;
      if (long === null) set(null);
      else say(event.pane, "regions.caliperShort");
      return;
    }
    set(null);
    long = null;
    shortFrom = null;
    caliperEnd = null;
    const { long: a, short: b } = now.caliper;
    showTip(null, "");
    const found = caliperOf(a, b);
    edit(event.pane.visit, now.name, measuring.value === "viable" ? { kind: "viable", viable: { long: found.long, short: found.short } } : { kind: "caliper", caliper: found });
  },
};

/** Forgets an axis that waits for the other. */
export function dropCaliper(): void {
  long = null;
  shortFrom = null;
  caliperEnd = null;
}
