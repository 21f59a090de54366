/** What the mouse does in a pane: the active tool first, then the habits of a radiology workstation. */
import { batch } from "@preact/signals";
import type { Voxel } from "../api";
import { bigPlane, first, layout, second, tool, windowing, type Camera, type Visit } from "../state";
import { tools, type PointerTool } from "../slots";
import { clamp, withIndex } from "./geometry";
import { linkFrom } from "./link";
import { activePane, type Pane } from "./pane";

/** Moves by slices of a plane, and the other visit with it. */
export function scroll(visit: Visit, plane: Pane["plane"], steps: number): void {
  const shape = visit.images.value?.planes[plane];
  if (shape === undefined) return;
  lookAt(visit, withIndex(shape, visit.cross.value, visit.indices[plane].value + steps));
}

/** Looks at a voxel (the nearest of the grid), and at the same place of the other visit when two stand side by side. */
export function lookAt(visit: Visit, voxel: Voxel): void {
  const shape = visit.images.value?.grid.shape;
  if (shape === undefined) return;
  batch(() => {
    visit.cross.value = voxel.map((at, n) => clamp(at, 0, shape[n]! - 1)) as Voxel;
    linkFrom(visit);
  });
}

/** Sets a plane's camera, the same for both visits where two are shown. */
export function aim(pane: Pane, camera: Camera | null): void {
  const before = pane.camera();
  pane.visit.cameras[pane.plane].value = camera;
  if (layout.value !== "visits" || camera === null) return;
  const other = pane.visit === first ? second : first;
  const shape = pane.shape();
  const theirs = other.images.value?.planes[pane.plane];
  if (shape === null || theirs === undefined) return;
  const now = other.cameras[pane.plane].value ?? { row: (theirs.rows - 1) / 2, column: (theirs.columns - 1) / 2, scale: before.scale };
  other.cameras[pane.plane].value = {
    row: now.row + ((camera.row - before.row) * shape.row_mm) / theirs.row_mm,
    column: now.column + ((camera.column - before.column) * shape.column_mm) / theirs.column_mm,
    scale: camera.scale,
  };
}

/** Zooms by a factor, holding the point at overlay coordinates (x, y). */
export function zoom(pane: Pane, factor: number, x = pane.size.value.width / 2, y = pane.size.value.height / 2): void {
  const plane = pane.shape();
  if (plane === null) return;
  const camera = pane.camera();
  const { width, height } = pane.size.value;
  const scale = clamp(camera.scale * factor, 0.1, 60);
  const kept = 1 / camera.scale - 1 / scale;
  aim(pane, { scale, row: camera.row + ((y - height / 2) * kept) / plane.row_mm, column: camera.column + ((x - width / 2) * kept) / plane.column_mm });
}

export function pan(pane: Pane, dx: number, dy: number): void {
  const plane = pane.shape();
  if (plane === null) return;
  const camera = pane.camera();
  aim(pane, { ...camera, row: camera.row - dy / (plane.row_mm * camera.scale), column: camera.column - dx / (plane.column_mm * camera.scale) });
}

export function changeWindow(level: number, width: number): void {
  windowing.value = { level: clamp(Math.round(level), -2000, 4000), width: clamp(Math.round(width), 1, 6000) };
}

/** Back to the whole slice and, with nothing else, the same point. */
export function resetCameras(): void {
  batch(() => {
    for (const visit of [first, second]) for (const camera of Object.values(visit.cameras)) camera.value = null;
  });
}

let last = { x: 0, y: 0 };
const moved = (x: number, y: number): { dx: number; dy: number } => {
  const by = { dx: x - last.x, dy: y - last.y };
  last = { x, y };
  return by;
};
const begin = ({ event }: { event: PointerEvent }): true => {
  last = { x: event.clientX, y: event.clientY };
  return true;
};

export const POINT: PointerTool = {
  cursor: "crosshair",
  down: ({ pane, voxel }) => (lookAt(pane.visit, voxel), true),
  move: ({ pane, voxel }) => lookAt(pane.visit, voxel),
};
const WINDOW: PointerTool = {
  cursor: "ns-resize",
  down: begin,
  move: ({ event }) => {
    const { dx, dy } = moved(event.clientX, event.clientY);
    const { level, width } = windowing.value;
    changeWindow(level - dy * Math.max(0.5, width / 300), width + dx * Math.max(0.5, width / 300));
  },
};
const ZOOM: PointerTool = {
  cursor: "zoom-in",
  down: begin,
  move: ({ pane, event }) => zoom(pane, Math.exp(-moved(event.clientX, event.clientY).dy / 150)),
};
const PAN: PointerTool = {
  cursor: "grab",
  down: begin,
  move: ({ pane, event }) => {
    const { dx, dy } = moved(event.clientX, event.clientY);
    pan(pane, dx, dy);
  },
};

export function registerPointerTools(): void {
  tools.register("point", POINT);
  tools.register("window", WINDOW);
  tools.register("zoom", ZOOM);
  tools.register("pan", PAN);
}

/** The tool that a press starts: right drags the window, middle or Shift pans, Ctrl zooms, left is the active tool's. */
function chosen(event: PointerEvent): PointerTool | undefined {
  if (event.button === 2) return WINDOW;
  if (event.button === 1) return PAN;
  if (event.button !== 0) return undefined;
  return tools.get(tool.value);
}

function instead(event: PointerEvent): PointerTool {
  if (event.shiftKey) return PAN;
  if (event.ctrlKey) return ZOOM;
  return POINT;
}

/** Listens to a pane's pointer; returns the way to stop. */
export function pointerActions(pane: Pane): () => void {
  const { element } = pane;
  let taken: PointerTool | null = null;
  let wheel = 0;
  const down = (event: PointerEvent): void => {
    activePane.value = pane.name;
    if (taken !== null) return;
    const with_ = pane.toolEvent(event);
    const tool_ = chosen(event);
    if (tool_ === undefined) return;
    const modified = event.button === 0 && (event.shiftKey || event.ctrlKey) && tool_ === POINT;
    if (!modified && tool_.down?.(with_)) taken = tool_;
    else if (event.button === 0 && instead(event).down?.(with_)) taken = instead(event);
    if (taken === null) return;
    element.setPointerCapture(event.pointerId);
    if (event.button === 1) event.preventDefault();
  };
  const leave = (): void => {
    pane.pointed.value = null;
  };
  const move = (event: PointerEvent): void => {
    pane.pointed.value = pane.toPixel(event.clientX, event.clientY);
    if (taken !== null) taken.move?.(pane.toolEvent(event));
    else tools.get(tool.value)?.hover?.(pane.toolEvent(event));
  };
  const up = (event: PointerEvent): void => {
    if (taken === null) return;
    taken.up?.(pane.toolEvent(event));
    taken = null;
    if (element.hasPointerCapture(event.pointerId)) element.releasePointerCapture(event.pointerId);
  };
  const turn = (event: WheelEvent): void => {
    event.preventDefault();
    activePane.value = pane.name;
    const box = element.getBoundingClientRect();
    if (event.ctrlKey) return zoom(pane, Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
    // A mouse notch is one slice; a touchpad's many small steps add up to one.
    wheel += event.deltaMode === 0 ? event.deltaY : event.deltaY * 40;
    const steps = Math.abs(event.deltaY) >= 50 ? Math.sign(event.deltaY) : Math.trunc(wheel / 40);
    if (steps === 0) return;
    wheel = 0;
    scroll(pane.visit, pane.plane, steps);
  };
  const double = (event: MouseEvent): void => {
    if (tools.get(tool.value)?.double?.(pane.toolEvent(event as PointerEvent))) return;
    if (tool.value !== "point" || layout.value === "visits" || layout.value === "maps") return;
    batch(() => {
      bigPlane.value = pane.plane;
      layout.value = layout.value === "one" ? "planes" : "one";
    });
  };
  const menu = (event: Event): void => event.preventDefault();
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerleave", leave);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  element.addEventListener("wheel", turn, { passive: false });
  element.addEventListener("dblclick", double);
  element.addEventListener("contextmenu", menu);
  return () => {
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerleave", leave);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", up);
    element.removeEventListener("wheel", turn);
    element.removeEventListener("dblclick", double);
    element.removeEventListener("contextmenu", menu);
  };
}

