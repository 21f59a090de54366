/** The overlay of a pane: outlines of regions and their parts, what is on its way, handles, calipers and the slice scale. */

import type { Vec3 } from "../api";
import { tool, type Visit } from "../state";
import { apply, inverse } from "../view/geometry";
import { fromMillimetres, fromPlane, toPlane } from "../view/geometry";
import type { Pane } from "../view/pane";
import type { Plane } from "../api";
import { caliperOf } from "./caliper";
import { chosen, drawnOf } from "./desk";
import { draft, hover, measuring, radius_mm, tip, type Draft } from "./draft";
import { PARTS, type Drawn, type Held } from "./drawn";
import { centreOf, lineOf } from "./shapes";
import type { Caliper, Edit, Point, Region, Shape } from "./types";
import { VESSELS } from "./types";
import { number } from "../i18n";

const NAMESPACE = "http://www.w3.org/2000/svg";
type Attributes = Readonly<Record<string, string | number>>;

/** Elements of one group, kept from frame to frame; those not asked for again are taken away. */
class Board {
  readonly #held = new Map<string, SVGElement>();
  #used = new Set<string>();

  constructor(private readonly group: SVGGElement) {}

  begin(): void {
    this.#used = new Set();
  }

  put(key: string, tag: "path" | "circle" | "line" | "text" | "rect", attributes: Attributes, text?: string): void {
    let element = this.#held.get(key);
    if (element === undefined) {
      element = document.createElementNS(NAMESPACE, tag);
      this.#held.set(key, element);
      this.group.append(element);
    }
    for (const [name, value] of Object.entries(attributes)) {
      const written = String(value);
      if (element.getAttribute(name) !== written) element.setAttribute(name, written);
    }
    if (text !== undefined && element.textContent !== text) element.textContent = text;
    this.#used.add(key);
  }

  end(): void {
    for (const [key, element] of this.#held) {
      if (this.#used.has(key)) continue;
      element.remove();
      this.#held.delete(key);
    }
  }
}

const boards = new WeakMap<SVGGElement, Board>();
const written = new WeakMap<readonly Point[][], string>();

/** Path data of closed lines in (row, column); x is the column, y the row. Written once a set of lines. */
function pathOf(lines: readonly Point[][]): string {
  let text = written.get(lines);
  if (text === undefined) {
    text = lines.map((line) => `M${line.map(([row, column]) => `${column} ${row}`).join("L")}Z`).join("");
    written.set(lines, text);
  }
  return text;
}

/** The transform from a plane's pixels to the overlay, moved by (rows, columns). */
function placing(pane: Pane, by: Point = [0, 0]): string {
  const zero = pane.fromPixel(by[0], by[1]);
  const one = pane.fromPixel(by[0] + 1, by[1] + 1);
  return `matrix(${one.x - zero.x} 0 0 ${one.y - zero.y} ${zero.x} ${zero.y})`;
}

const linear = new WeakMap<Plane, ReturnType<typeof inverse>>();

/** (index, row, column) of a way in LPS mm. */
export function planeWay(plane: Plane, mm: Vec3): Vec3 {
  let back = linear.get(plane);
  if (back === undefined) linear.set(plane, (back = inverse(plane.to_mm)));
  const from = apply(back, [0, 0, 0]);
  const to = apply(back, mm);
  return [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
}

/** How far a region is drawn from its place: a vessel's shift in this pass, and what the pointer is doing to it. */
export function wayOf(region: Region, visit: Visit, doing: Draft | null): Vec3 {
  const pass = visit.pass.value;
  const kept = VESSELS.includes(region.kind) ? region.shifts.find((shift) => shift.pass === pass)?.mm : undefined;
  const mm: [number, number, number] = kept === undefined ? [0, 0, 0] : [...kept];
  if (doing?.kind === "move" && doing.visit === visit && doing.name === region.name) {
    const instead = doing.pass === null ? null : doing.mm;
    if (instead !== null) return instead;
    for (let n = 0; n < 3; n += 1) mm[n]! += doing.mm[n]!;
  }
  return mm;
}

function outline(board: Board, pane: Pane, plane: Plane, held: Held, key: string, mm: Vec3, attributes: Attributes): readonly Point[][] {
  const [index, row, column] = mm.some((value) => value !== 0) ? planeWay(plane, mm) : [0, 0, 0];
  const lines = held.outlines.at(pane.plane, plane.to_voxel, pane.index.value - Math.round(index));
  if (lines.length > 0) board.put(key, "path", { d: pathOf(lines), transform: placing(pane, [row, column]), ...attributes });
  return lines;
}

/** The number of a lesion beside its outline, so that the eye finds it without the list. */
function label(board: Board, pane: Pane, drawn: Drawn, region: Region, lines: readonly Point[][], way: Vec3): void {
  if (region.kind !== "lesion" || lines.length === 0) return;
  let best: Point | null = null;
  for (const point of lines[0]!) if (best === null || point[1] - point[0] > best[1] - best[0]) best = point;
  const plane = pane.shape()!;
  const [, row, column] = planeWay(plane, way);
  const at = pane.fromPixel(best![0] + row, best![1] + column);
  const text = region.name.replace(/^lesion-/, "");
  board.put(`label ${region.name}`, "text", { x: at.x + 3, y: at.y - 3, fill: drawn.colour(region.name), class: "region-label" }, text);
}

function regions(board: Board, pane: Pane, plane: Plane, drawn: Drawn, doing: Draft | null): void {
  const selected = chosen(pane.visit);
  for (const region of drawn.standing()) {
    if (drawn.hidden.value.has(region.name)) continue;
    const colour = drawn.colour(region.name);
    const way = wayOf(region, pane.visit, doing);
    const held = drawn.held(region.name);
    if (held !== null) {
      const lines = outline(board, pane, plane, held, region.name, way, {
        class: `region ${region.kind} ${region.name === selected ? "chosen" : ""} ${way.some((value) => value !== 0) ? "shifted" : ""}`.trim(),
        stroke: colour,
        "data-region": region.name,
      });
      label(board, pane, drawn, region, lines, way);
    }
    if (region.kind !== "lesion") continue;
    for (const part of PARTS) {
      const piece = drawn.parts.value.has(part) ? drawn.held(region.name, part) : null;
      if (piece !== null) outline(board, pane, plane, piece, `${region.name}/${part}`, way, { class: `region part ${part}`, stroke: colour, "data-part": part });
    }
  }
}

/** Screen path of a shape in axial slice k. */
function shapePath(pane: Pane, k: number, shape: Shape, open: boolean): string {
  const line = open && shape.kind !== "spline" ? shape.points : lineOf(shape);
  const points = line.map(([j, i]) => pane.toScreen([k, j, i])).map(({ x, y }) => `${x} ${y}`);
  return points.length === 0 ? "" : `M${points.join("L")}${open ? "" : "Z"}`;
}

function strokeWidth(pane: Pane, mm: number): number {
  return 2 * mm * pane.camera().scale;
}

function stroke(board: Board, pane: Pane, key: string, path: readonly Point[], mm: number, colour: string, erase: boolean): void {
  const points = path.map(([row, column]) => pane.fromPixel(row, column)).map(({ x, y }) => `${x} ${y}`);
  const d = points.length === 1 ? `M${points[0]}L${points[0]}` : `M${points.join("L")}`;
  board.put(key, "path", { d, class: erase ? "stroke erase" : "stroke", stroke: erase ? "#ffffff" : colour, "stroke-width": strokeWidth(pane, mm) });
}

function caliperLines(board: Board, pane: Pane, plane: Plane, caliper: Caliper, key: string, colour: string, handles: boolean, look = ""): void {
  const ends = [...caliper.long, ...caliper.short].map((place) => fromMillimetres(plane, [...place] as Vec3));
  if (ends.some((voxel) => Math.abs(pane.depth(voxel)) > 0.75)) return;
  const at = ends.map((voxel) => pane.toScreen(voxel));
  for (const [n, mm] of [[0, caliper.long_mm], [2, caliper.short_mm]] as const) {
    const [a, b] = [at[n]!, at[n + 1]!];
    if (mm <= 0) continue;
    board.put(`${key} ${n}`, "line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, class: `caliper ${look}`.trim(), stroke: colour });
    // The lengths are written to the right of an end: the short axis takes the end whose line of text is farther from the other's.
    const written = n === 2 && Math.abs(a.y - at[1]!.y) > Math.abs(b.y - at[1]!.y) ? a : b;
    board.put(`${key} ${n} mm`, "text", { x: written.x + 6, y: written.y + 4, class: "caliper-length", fill: colour }, `${number(mm, 1)} mm`);
    if (handles) for (const [m, end] of [a, b].entries()) board.put(`${key} ${n} ${m}`, "circle", { cx: end.x, cy: end.y, r: 4, class: "handle", stroke: colour });
  }
}

/** Edits that the server does not have yet, dashed; those that clashed or were refused stay visible too. */
function onTheWay(board: Board, pane: Pane, plane: Plane, drawn: Drawn): void {
  for (const entry of drawn.waiting.value) {
    const colour = drawn.colour(entry.region);
    const edit: Edit = entry.edit;
    if (edit.kind === "brush" && edit.plane === pane.plane && edit.index === pane.index.value) {
      stroke(board, pane, `unsent ${entry.id}`, edit.path, edit.radius_mm, colour, edit.erase);
    } else if (edit.kind === "shapes" && pane.plane === "axial") {
      for (const [k, shape] of Object.entries(edit.shapes)) {
        if (shape === null || Math.abs(pane.depth([Number(k), 0, 0])) > 0.5) continue;
        board.put(`unsent ${entry.id} ${k}`, "path", { d: shapePath(pane, Number(k), shape, false), class: "region unsent", stroke: colour });
      }
    } else if (edit.kind === "click" && Math.abs(pane.depth([...edit.at] as Vec3)) < 0.75) {
      const { x, y } = pane.toScreen([...edit.at] as Vec3);
      board.put(`unsent ${entry.id}`, "circle", { cx: x, cy: y, r: 9, class: "region unsent", stroke: colour });
    } else if (edit.kind === "caliper" && edit.caliper !== null) {
      caliperLines(board, pane, plane, edit.caliper, `unsent ${entry.id}`, colour, false);
    } else if (edit.kind === "viable" && edit.viable !== null && "long" in edit.viable) {
      caliperLines(board, pane, plane, caliperOf(edit.viable.long, edit.viable.short), `unsent ${entry.id}`, colour, false, "viable");
    }
  }
}

export const HANDLE_TOOLS: ReadonlySet<string> = new Set(["edit", "ellipse", "spline", "freehand"]);

/** Handles of the selected region's shape in this axial slice: its points, and for an ellipse the centre last. */
export function handlesOf(pane: Pane, drawn: Drawn): { k: number; shape: Shape; points: Point[] } | null {
  if (pane.plane !== "axial" || !HANDLE_TOOLS.has(tool.value)) return null;
  const plane = pane.shape();
  const region = drawn.get(chosen(drawn.visit));
  if (plane === null || region === null) return null;
  const k = Math.round(fromPlane(plane, [pane.index.value, 0, 0])[0]);
  const unsent = drawn.waiting.value.findLast((entry) => entry.region === region.name && entry.edit.kind === "shapes" && entry.edit.shapes[k]);
  const shape = (unsent?.edit.kind === "shapes" ? unsent.edit.shapes[k] : null) ?? drawn.shape(region, k);
  if (!shape) return null;
  return { k, shape, points: shape.kind === "ellipse" ? [...shape.points, centreOf(shape)] : [...shape.points] };
}

function handles(board: Board, pane: Pane, drawn: Drawn, doing: Draft | null): void {
  const being = doing?.kind === "shape" && doing.visit === pane.visit && pane.plane === "axial" ? doing : null;
  const held = being === null ? handlesOf(pane, drawn) : null;
  const k = being?.k ?? held?.k;
  const shape = being?.shape ?? held?.shape;
  if (k === undefined || shape === undefined || Math.abs(pane.depth([k, 0, 0])) > 0.5) return;
  const colour = drawn.colour(being?.name ?? chosen(drawn.visit) ?? "");
  if (held !== null) board.put("shape", "path", { d: shapePath(pane, k, shape, false), class: "region shape", stroke: colour });
  if (shape.kind === "freehand") return;
  const points = shape.kind === "ellipse" ? [...shape.points, centreOf(shape)] : shape.points;
  points.forEach(([j, i], n) => {
    const { x, y } = pane.toScreen([k, j, i]);
    board.put(`handle ${n}`, "circle", { cx: x, cy: y, r: n === 4 && shape.kind === "ellipse" ? 3 : 5, class: "handle", stroke: colour });
  });
}

function doingNow(board: Board, pane: Pane, plane: Plane, drawn: Drawn, doing: Draft | null): void {
  if (doing === null || doing.visit !== pane.visit) return;
  const colour = drawn.colour(doing.name);
  if (doing.kind === "shape" && pane.plane === "axial" && Math.abs(pane.depth([doing.k, 0, 0])) <= 0.5) {
    board.put("doing", "path", { d: shapePath(pane, doing.k, doing.shape, doing.open), class: "region doing", stroke: colour });
  } else if (doing.kind === "stroke" && doing.plane === pane.plane && doing.index === pane.index.value) {
    stroke(board, pane, "doing stroke", doing.path, radius_mm.value, colour, doing.erase);
  } else if (doing.kind === "caliper") {
    caliperLines(board, pane, plane, doing.caliper, "doing caliper", colour, false, measuring.value === "viable" ? "viable" : "");
  }
}

/** At the right edge: the slices a selected region spans, its key slices, and the slice shown. */
function scale(board: Board, pane: Pane, plane: Plane, drawn: Drawn): void {
  const region = drawn.get(chosen(drawn.visit));
  const { width, height } = pane.size.value;
  if (region === null || region.voxels === 0 || plane.count < 2 || height < 120) return;
  const [k0, k1, j0, j1, i0, i1] = region.box;
  const ends = [toPlane(plane, [k0, j0, i0])[0], toPlane(plane, [k1 - 1, j1 - 1, i1 - 1])[0]];
  const y = (index: number): number => 40 + ((index + 0.5) / plane.count) * (height - 80);
  const colour = drawn.colour(region.name);
  const top = y(Math.min(...ends) - 0.5);
  board.put("scale", "rect", { x: width - 28, y: 40, width: 4, height: height - 80, class: "slice-scale" });
  board.put("scale span", "rect", { x: width - 28, y: top, width: 4, height: Math.max(2, y(Math.max(...ends) + 0.5) - top), fill: colour });
  if (pane.plane === "axial") {
    for (const k of region.slices) {
      const at = y(toPlane(plane, [k, 0, 0])[0]);
      board.put(`scale key ${k}`, "rect", { x: width - 33, y: at - 1.5, width: 11, height: 3, fill: colour, class: "key-slice" });
    }
  }
  const now = y(pane.index.value);
  board.put("scale now", "path", { d: `M${width - 34} ${now}l-6 -4v8Z`, class: "slice-now" });
}

/** Draws everything of regions into a pane; registered once for every pane. */
export function regionsLayer(group: SVGGElement, pane: Pane): void {
  let board = boards.get(group);
  if (board === undefined) boards.set(group, (board = new Board(group)));
  board.begin();
  const plane = pane.shape();
  if (plane !== null && pane.size.value.width > 0) {
    const drawn = drawnOf(pane.visit);
    const doing = draft.peek();
    regions(board, pane, plane, drawn, doing);
    onTheWay(board, pane, plane, drawn);
    for (const region of drawn.standing()) {
      if (drawn.hidden.value.has(region.name)) continue;
      for (const [what, axes] of [["caliper", region.caliper], ["viable", region.viable?.axes ?? null]] as const) {
        const measured = measuring.value === what && region.name === chosen(drawn.visit);
        if (axes === null || (measured && doing?.kind === "caliper")) continue;
        caliperLines(board, pane, plane, axes, `${what} ${region.name}`, drawn.colour(region.name), measured && tool.value === "caliper", what === "viable" ? what : "");
      }
    }
    doingNow(board, pane, plane, drawn, doing);
    handles(board, pane, drawn, doing);
    scale(board, pane, plane, drawn);
    const point = hover.peek();
    if (point !== null && point.pane === pane && (tool.value === "brush" || tool.value === "eraser")) {
      board.put("brush", "circle", { cx: point.x, cy: point.y, r: strokeWidth(pane, radius_mm.value) / 2, class: `brush ${tool.value}` });
    }
    const word = tip.peek();
    if (word !== null && word.pane === pane) {
      const { width, height } = pane.size.value;
      board.put("tip", "text", { x: width / 2, y: height - 34, "text-anchor": "middle", class: "tip" }, word.text);
    }
  }
  board.end();
}
