/** The length tool: distances in a slice, for looking; they are not part of the study. */
import { signal, type Signal } from "@preact/signals";
import type { PlaneName, Voxel } from "../api";
import { number } from "../i18n";
import { tools, type PointerTool } from "../slots";
import { toMillimetres } from "./geometry";
import { layers, type Layer, type Pane } from "./pane";

export interface Length {
  study: string | null;
  plane: PlaneName;
  index: number;
  from: Voxel;
  to: Voxel;
}

export const lengths: Signal<Length[]> = signal([]);
const SHORTEST_MM = 1;

/** Millimetres between the ends of a length drawn in a pane's plane. */
export function millimetres(pane: Pane, from: Voxel, to: Voxel): number {
  const plane = pane.shape();
  if (plane === null) return 0;
  const a = toMillimetres(plane, from);
  const b = toMillimetres(plane, to);
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

const TOOL: PointerTool = {
  cursor: "crosshair",
  down({ pane, voxel }) {
    lengths.value = [...lengths.value, { study: pane.visit.id.value, plane: pane.plane, index: pane.index.value, from: voxel, to: voxel }];
    layers.redraw();
    return true;
  },
  move({ voxel }) {
    lengths.value = lengths.value.map((one, n, all) => (n === all.length - 1 ? { ...one, to: voxel } : one));
    layers.redraw();
  },
  up({ pane }) {
    const last = lengths.value.at(-1);
    if (last !== undefined && millimetres(pane, last.from, last.to) < SHORTEST_MM) lengths.value = lengths.value.slice(0, -1);
    layers.redraw();
  },
};

const draw: Layer = (group, pane) => {
  const here = lengths.value.filter((one) => one.study === pane.visit.id.value && one.plane === pane.plane && one.index === pane.index.value);
  if (here.length === 0 && group.childElementCount === 0) return;
  group.replaceChildren(
    ...here.flatMap((one) => {
      const a = pane.toScreen(one.from);
      const b = pane.toScreen(one.to);
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      for (const [name, value] of Object.entries({ x1: a.x, y1: a.y, x2: b.x, y2: b.y })) line.setAttribute(name, value.toFixed(1));
      line.setAttribute("class", "length");
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      text.setAttribute("x", (b.x + 8).toFixed(1));
      text.setAttribute("y", (b.y - 6).toFixed(1));
      text.setAttribute("class", "length-text");
      text.textContent = `${number(millimetres(pane, one.from, one.to), 1)} mm`;
      return [line, text];
    }),
  );
};

export function clearLengths(): void {
  lengths.value = [];
  layers.redraw();
}

export function lengthTool(): () => void {
  const stops = [tools.register("length", TOOL), layers.register("length", draw)];
  return () => stops.forEach((stop) => stop());
}
