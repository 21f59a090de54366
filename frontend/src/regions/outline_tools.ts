/** The tools that draw an outline in one slice: ellipse, spline, freehand; and the one that corrects it by its points. */

import { t } from "../i18n";
import type { PointerTool, ToolEvent } from "../slots";
import { said } from "../state";
import { layers, type Pane } from "../view/pane";
import { dropCaliper } from "./caliper_tool";
import { choose, chosen, drawnOf, edit } from "./desk";
import { draft, mayDraw } from "./draft";
import { outlined } from "./far_outline";
import { allowed, pointOf, REACH, round, say, set, sliceOf, target, under, offGround, onGround } from "./hand";
import { handlesOf } from "./layer";
import { distance, distanceTo, dragged, ellipseBetween, encloses, inserted, lineOf, moved, simplified, withoutPoint } from "./shapes";
import type { Point, Shape } from "./types";

function near(pane: Pane, k: number, points: readonly Point[], x: number, y: number): number {
  let best = -1;
  let least = REACH;
  points.forEach(([j, i], n) => {
    const at = pane.toScreen([k, j, i]);
    const far = Math.hypot(at.x - x, at.y - y);
    if (far <= least) [best, least] = [n, far];
  });
  return best;
}

/** Whether the pointer is at the outline of the selected shape, which then stays selected. */
function onLine({ pane, x, y }: ToolEvent): boolean {
  const held = handlesOf(pane, drawnOf(pane.visit));
  if (held === null) return false;
  const line = lineOf(held.shape).map(([j, i]): Point => {
    const at = pane.toScreen([held.k, j, i]);
    return [at.y, at.x];
  });
  return distanceTo(line, [y, x]) <= REACH;
}

interface Grip {
  readonly name: string;
  readonly k: number;
  readonly shape: Shape;
  readonly handle: number;
  readonly from: Point;
}

let grip: Grip | null = null;

/** Takes hold of a handle of the selected shape; the centre of an ellipse moves the whole. */
function grab(event: ToolEvent): boolean {
  const held = handlesOf(event.pane, drawnOf(event.pane.visit));
  if (held === null || held.shape.kind === "freehand") return false;
  const handle = near(event.pane, held.k, held.points, event.x, event.y);
  if (handle < 0) return false;
  if (event.event.altKey && held.shape.kind === "spline") {
    const fewer = withoutPoint(held.shape, handle);
    if (fewer !== held.shape) edit(event.pane.visit, chosen(event.pane.visit)!, { kind: "shapes", shapes: { [held.k]: fewer } });
    return true;
  }
  grip = { name: chosen(event.pane.visit)!, k: held.k, shape: held.shape, handle, from: pointOf(event) };
  return true;
}

function pixelOf(pane: Pane): Point {
  const spacing = pane.visit.images.value?.grid.spacing_mm;
  return spacing === undefined ? [1, 1] : [spacing[1], spacing[2]];
}

function pull(event: ToolEvent): void {
  if (grip === null) return;
  const to = pointOf(event);
  const whole = grip.shape.kind === "ellipse" && grip.handle === 4;
  const by: Point = [to[0] - grip.from[0], to[1] - grip.from[1]];
  const shape = whole ? moved(grip.shape, by) : dragged(grip.shape, grip.handle, to, pixelOf(event.pane));
  set({ kind: "shape", visit: event.pane.visit, name: grip.name, k: grip.k, shape, open: false });
}

function letGo(event: ToolEvent): boolean {
  if (grip === null) return false;
  const now = draft.value;
  grip = null;
  if (now?.kind === "shape") finish(event.pane, now.name, now.k, now.shape);
  return true;
}

function finish(pane: Pane, name: string, k: number, shape: Shape): void {
  set(null);
  if (!encloses(shape)) return say(pane, "regions.tooSmall");
  outlined(pane.visit, name, k, rounded(shape));
}

function rounded(shape: Shape): Shape {
  return { kind: shape.kind, points: shape.points.map(([row, column]): Point => [round(row), round(column)]) };
}

let from: { point: Point; k: number; name: string } | null = null;

export const ELLIPSE: PointerTool = {
  cursor: "crosshair",
  down(event) {
    if (event.event.shiftKey || event.event.ctrlKey || !allowed(event, true)) return false;
    if (!grab(event)) from = { point: pointOf(event), k: sliceOf(event), name: target(event.pane) };
    return true;
  },
  move(event) {
    if (grip !== null) return pull(event);
    if (from === null) return;
    set({ kind: "shape", visit: event.pane.visit, name: from.name, k: from.k, shape: ellipseBetween(from.point, pointOf(event)), open: false });
  },
  up(event) {
    if (letGo(event) || from === null) return;
    const now = draft.value;
    const start = from;
    from = null;
    if (now?.kind === "shape") finish(event.pane, start.name, start.k, now.shape);
  },
};

export const FREEHAND: PointerTool = {
  cursor: "crosshair",
  down(event) {
    if (event.event.shiftKey || event.event.ctrlKey || !allowed(event, true)) return false;
    const shape: Shape = { kind: "freehand", points: [pointOf(event)] };
    set({ kind: "shape", visit: event.pane.visit, name: target(event.pane), k: sliceOf(event), shape, open: true });
    return true;
  },
  move(event) {
    const now = draft.value;
    if (now?.kind !== "shape") return;
    const last = now.shape.points.at(-1)!;
    if (distance(last, pointOf(event)) < 0.3) return;
    set({ ...now, shape: { kind: "freehand", points: [...now.shape.points, pointOf(event)] } });
  },
  up(event) {
    const now = draft.value;
    if (now?.kind !== "shape") return;
    finish(event.pane, now.name, now.k, { kind: "freehand", points: simplified(now.shape.points, 0.15) });
  },
};

/** Closes the spline that is being clicked together; fewer than three points are nothing yet. */
export function closeSpline(): boolean {
  const now = draft.value;
  if (now?.kind !== "shape" || now.shape.kind !== "spline" || !now.open) return false;
  const points = now.shape.points.filter((point, n) => n === 0 || distance(point, now.shape.points[n - 1]!) > 0.3);
  set(null);
  if (points.length < 3 || !encloses({ kind: "spline", points })) {
    said.value = t("regions.tooSmall");
    return true;
  }
  outlined(now.visit, now.name, now.k, rounded({ kind: "spline", points }));
  return true;
}

/** Takes back the last point of a spline being drawn, or the whole drawing. True when there was one. */
export function takeBack(whole: boolean): boolean {
  const now = draft.value;
  if (now === null) return false;
  const points = now.kind === "shape" && now.open ? now.shape.points : [];
  if (!whole && now.kind === "shape" && now.shape.kind === "spline" && points.length > 1) {
    set({ ...now, shape: { kind: "spline", points: points.slice(0, -1) } });
    return true;
  }
  dropCaliper();
  grip = null;
  from = null;
  set(null);
  return true;
}

export const SPLINE: PointerTool = {
  cursor: "crosshair",
  down(event) {
    if (event.event.shiftKey || event.event.ctrlKey || !allowed(event, true)) return false;
    const now = draft.value;
    const k = sliceOf(event);
    if (now?.kind === "shape" && now.open && now.k === k) {
      if (now.shape.points.length >= 3 && near(event.pane, k, [now.shape.points[0]!], event.x, event.y) === 0) closeSpline();
      else set({ ...now, shape: { kind: "spline", points: [...now.shape.points, pointOf(event)] } });
      return true;
    }
    if (now !== null) closeSpline();
    if (grab(event)) return true;
    set({ kind: "shape", visit: event.pane.visit, name: target(event.pane), k, shape: { kind: "spline", points: [pointOf(event)] }, open: true });
    return true;
  },
  move: pull,
  up: (event) => void letGo(event),
  double: () => closeSpline() || true,
};

export const EDIT: PointerTool = {
  cursor: "default",
  down(event) {
    if (event.event.shiftKey || event.event.ctrlKey) return false;
    const found = under(event);
    const may = mayDraw(event.pane.visit);
    if (may && offGround(event.pane.visit) && found !== null && found.name === chosen(event.pane.visit)) return !onGround(event.pane);
    if (may && !offGround(event.pane.visit) && (grab(event) || onLine(event))) return true;
    if (found === null) return false;
    choose(event.pane.visit, found.name);
    layers.redraw();
    return true;
  },
  move: pull,
  up: (event) => void letGo(event),
  double(event) {
    const held = handlesOf(event.pane, drawnOf(event.pane.visit));
    if (held === null || !mayDraw(event.pane.visit) || held.shape.kind !== "spline" || !onGround(event.pane)) return true;
    const more = inserted(held.shape, pointOf(event));
    edit(event.pane.visit, chosen(event.pane.visit)!, { kind: "shapes", shapes: { [held.k]: rounded(more) } });
    return true;
  },
};
