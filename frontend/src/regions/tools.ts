/** The drawing tools, as the pointer works them. Each edit goes out when the pointer is lifted. */

import type { Vec3 } from "../api";
import { t } from "../i18n";
import { tools, type PointerTool, type ToolEvent } from "../slots";
import { region as selected, said, tool } from "../state";
import { layers, type Pane } from "../view/pane";
import { CALIPER, dropCaliper } from "./caliper_tool";
import { drawnOf, edit } from "./desk";
import { ball, draft, hover, mayDraw, radius_mm } from "./draft";
import { allowed, mmAt, pointOf, REACH, round, say, set, sliceOf, target, under } from "./hand";
import { handlesOf } from "./layer";
import { nameOf } from "./names";
import { distance, distanceTo, dragged, ellipseBetween, encloses, inserted, lineOf, moved, simplified, withoutPoint } from "./shapes";
import type { Place, Point, Shape } from "./types";
import { VESSELS } from "./types";

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
    if (fewer !== held.shape) edit(event.pane.visit, selected.value!, { kind: "shapes", shapes: { [held.k]: fewer } });
    return true;
  }
  grip = { name: selected.value!, k: held.k, shape: held.shape, handle, from: pointOf(event) };
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
  edit(pane.visit, name, { kind: "shapes", shapes: { [k]: rounded(shape) } });
}

function rounded(shape: Shape): Shape {
  return { kind: shape.kind, points: shape.points.map(([row, column]): Point => [round(row), round(column)]) };
}

let from: { point: Point; k: number; name: string } | null = null;

const ELLIPSE: PointerTool = {
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

const FREEHAND: PointerTool = {
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
  edit(now.visit, now.name, { kind: "shapes", shapes: { [now.k]: rounded({ kind: "spline", points }) } });
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

const SPLINE: PointerTool = {
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

const EDIT: PointerTool = {
  cursor: "default",
  down(event) {
    if (event.event.shiftKey || event.event.ctrlKey) return false;
    const found = under(event);
    if (mayDraw(event.pane.visit) && (grab(event) || onLine(event))) return true;
    if (found === null) return false;
    selected.value = found.name;
    layers.redraw();
    return true;
  },
  move: pull,
  up: (event) => void letGo(event),
  double(event) {
    const held = handlesOf(event.pane, drawnOf(event.pane.visit));
    if (held === null || !mayDraw(event.pane.visit) || held.shape.kind !== "spline") return true;
    const more = inserted(held.shape, pointOf(event));
    edit(event.pane.visit, selected.value!, { kind: "shapes", shapes: { [held.k]: rounded(more) } });
    return true;
  },
};

function brush(erase: boolean): PointerTool {
  return {
    cursor: "none",
    down(event) {
      if (event.event.shiftKey || event.event.ctrlKey || !allowed(event, false)) return false;
      if (erase && drawnOf(event.pane.visit).get(selected.value) === null) {
        say(event.pane, "regions.selectFirst");
        return true;
      }
      const { plane, visit } = event.pane;
      set({ kind: "stroke", visit, name: target(event.pane), plane, index: event.pane.index.value, path: [event.pixel], erase: erase !== event.event.altKey });
      return true;
    },
    move(event) {
      hover.value = { pane: event.pane, x: event.x, y: event.y };
      const now = draft.value;
      if (now?.kind !== "stroke") return;
      set({ ...now, path: [...now.path, event.pixel] });
    },
    up(event) {
      const now = draft.value;
      if (now?.kind !== "stroke") return;
      set(null);
      const path = simplified(now.path, 0.25).map(([row, column]): Point => [round(row), round(column)]);
      edit(event.pane.visit, now.name, { kind: "brush", plane: now.plane, index: now.index, path, radius_mm: radius_mm.value, erase: now.erase, ball: ball.value });
    },
    hover(event) {
      hover.value = { pane: event.pane, x: event.x, y: event.y };
      event.pane.redraw();
    },
  };
}

let held: { name: string; at: Vec3; before: Vec3; pass: number | null } | null = null;

function move(perPass: boolean): PointerTool {
  return {
    cursor: "move",
    down(event) {
      if (event.event.shiftKey || event.event.ctrlKey || !allowed(event, false)) return false;
      const drawn = drawnOf(event.pane.visit);
      const found = under(event) ?? drawn.get(selected.value);
      if (found === null) {
        say(event.pane, "regions.selectFirst");
        return false;
      }
      const shifting = perPass || event.event.altKey;
      if (shifting && !VESSELS.includes(found.kind)) {
        say(event.pane, "regions.vesselsOnly");
        return false;
      }
      selected.value = found.name;
      const pass = event.pane.visit.pass.value;
      const kept = found.shifts.find((shift) => shift.pass === pass)?.mm ?? [0, 0, 0];
      held = { name: found.name, at: mmAt(event), before: shifting ? [...kept] as Vec3 : [0, 0, 0], pass: shifting ? pass : null };
      return true;
    },
    move(event) {
      if (held === null) return;
      const now = mmAt(event);
      const mm = held.before.map((value, n) => value + now[n]! - held!.at[n]!) as Vec3;
      set({ kind: "move", visit: event.pane.visit, name: held.name, mm, pass: held.pass });
    },
    up(event) {
      const now = draft.value;
      held = null;
      if (now?.kind !== "move") return;
      set(null);
      const mm = now.mm.map(round) as unknown as Place;
      if (Math.hypot(...now.mm) < 0.1) return;
      edit(event.pane.visit, now.name, now.pass === null ? { kind: "move", mm } : { kind: "shift", pass: now.pass, mm });
    },
  };
}

const LESION: PointerTool = {
  cursor: "cell",
  down(event) {
    if (event.event.shiftKey || event.event.ctrlKey || !allowed(event, false)) return false;
    lesionAt(event.pane, event.voxel);
    return true;
  },
};

/** Grows a new lesion from a voxel. */
export function lesionAt(pane: Pane, voxel: Vec3): void {
  const name = drawnOf(pane.visit).freeLesion();
  selected.value = name;
  say(pane, "regions.growing", { name: nameOf(name) });
  edit(pane.visit, name, { kind: "click", at: voxel.map(Math.round) as unknown as Place });
}

/** Paints or erases a dab at a voxel, for hands on the keyboard. */
export function dab(pane: Pane, voxel: Vec3, erase: boolean): void {
  const [row, column] = rowColumn(pane, voxel);
  if (erase && drawnOf(pane.visit).get(selected.value) === null) return say(pane, "regions.selectFirst");
  const name = target(pane);
  edit(pane.visit, name, { kind: "brush", plane: pane.plane, index: pane.index.value, path: [[round(row), round(column)]], radius_mm: radius_mm.value, erase, ball: ball.value });
}

function rowColumn(pane: Pane, voxel: Vec3): Point {
  const at = pane.toScreen(voxel);
  const box = pane.element.getBoundingClientRect();
  return pane.toPixel(at.x + box.left + pane.element.clientLeft, at.y + box.top + pane.element.clientTop);
}

export const DRAWING = ["edit", "lesion", "ellipse", "spline", "freehand", "brush", "eraser", "move", "shift", "caliper"] as const;
export type DrawingTool = (typeof DRAWING)[number];

export function registerDrawing(): void {
  const table: Record<DrawingTool, PointerTool> = {
    edit: EDIT, lesion: LESION, ellipse: ELLIPSE, spline: SPLINE, freehand: FREEHAND,
    brush: brush(false), eraser: brush(true), move: move(false), shift: move(true), caliper: CALIPER,
  };
  for (const name of DRAWING) tools.register(name, table[name]);
}

/** Takes a tool in hand, or puts it down when it already is. */
export function take(name: DrawingTool): void {
  if (draft.value !== null) closeSpline();
  takeBack(true);
  hover.value = null;
  tool.value = tool.value === name ? "point" : name;
  layers.redraw();
}

