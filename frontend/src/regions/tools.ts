/** The drawing tools by their names: those of outlines, and those that paint, move and grow. Each edit goes out when the pointer is lifted. */

import type { Vec3 } from "../api";
import { tools, type PointerTool } from "../slots";
import { tool } from "../state";
import { layers, type Pane } from "../view/pane";
import { lookAt } from "../view/pointer";
import { CALIPER } from "./caliper_tool";
import { choose, chosen, drawnOf, edit } from "./desk";
import { ball, draft, hover, measuring, radius_mm } from "./draft";
import { allowed, mmAt, round, say, set, target, under } from "./hand";
import { nameOf } from "./names";
import { closeSpline, EDIT, ELLIPSE, FREEHAND, SPLINE, takeBack } from "./outline_tools";
import { simplified } from "./shapes";
import type { Place, Point } from "./types";
import { VESSELS } from "./types";

function brush(erase: boolean): PointerTool {
  return {
    cursor: "none",
    down(event) {
      if (event.event.shiftKey || event.event.ctrlKey || !allowed(event, false)) return false;
      if (erase && drawnOf(event.pane.visit).get(chosen(event.pane.visit)) === null) {
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
      const found = under(event) ?? drawn.get(chosen(drawn.visit));
      if (found === null) {
        say(event.pane, "regions.selectFirst");
        return false;
      }
      const shifting = perPass || event.event.altKey;
      if (shifting && !VESSELS.includes(found.kind)) {
        say(event.pane, "regions.vesselsOnly");
        return false;
      }
      choose(drawn.visit, found.name);
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
    // So that the other planes cut through it too, and show whether its outline is right.
    lookAt(event.pane.visit, event.voxel);
    lesionAt(event.pane, event.voxel);
    return true;
  },
};

/** Grows a new lesion from a voxel. */
export function lesionAt(pane: Pane, voxel: Vec3): void {
  const name = drawnOf(pane.visit).freeLesion();
  choose(pane.visit, name);
  say(pane, "regions.growing", { name: nameOf(name) });
  edit(pane.visit, name, { kind: "click", at: voxel.map(Math.round) as unknown as Place });
}

/** Paints or erases a dab at a voxel, for hands on the keyboard. */
export function dab(pane: Pane, voxel: Vec3, erase: boolean): void {
  const [row, column] = rowColumn(pane, voxel);
  if (erase && drawnOf(pane.visit).get(chosen(pane.visit)) === null) return say(pane, "regions.selectFirst");
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

/** Takes the caliper in hand for what of the selected lesion enhances. */
export function takeViable(): void {
  take("caliper", { stay: true });
  measuring.value = "viable";
  layers.redraw();
}

/** Takes a tool in hand, or puts it down when it already is; `stay` leaves it in hand. */
export function take(name: DrawingTool, { stay = false } = {}): void {
  if (draft.value !== null) closeSpline();
  takeBack(true);
  hover.value = null;
  measuring.value = "caliper";
  tool.value = tool.value === name && !stay ? "point" : name;
  layers.redraw();
}

