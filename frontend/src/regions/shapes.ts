/** Geometry of what is drawn by hand: ellipse, spline and freehand, in (row, column) voxels of an axial slice. */

import type { Point, Shape } from "./types";

const STEPS_A_SPAN = 12;
const ELLIPSE_STEPS = 72;

export function add(a: Point, b: Point): Point {
  return [a[0] + b[0], a[1] + b[1]];
}

export function minus(a: Point, b: Point): Point {
  return [a[0] - b[0], a[1] - b[1]];
}

export function middle(a: Point, b: Point): Point {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/** An upright ellipse within the box of two corners: ends of its axis along the columns, then of that along the rows. */
export function ellipseBetween(a: Point, b: Point): Shape {
  const [row, column] = middle(a, b);
  return { kind: "ellipse", points: [[row, a[1]], [row, b[1]], [a[0], column], [b[0], column]] };
}

export function centreOf(shape: Shape): Point {
  if (shape.kind === "ellipse") return middle(shape.points[0]!, shape.points[1]!);
  const sum = shape.points.reduce<Point>(add, [0, 0]);
  return [sum[0] / shape.points.length, sum[1] / shape.points.length];
}

export function moved(shape: Shape, by: Point): Shape {
  return { kind: shape.kind, points: shape.points.map((point) => add(point, by)) };
}

/**
 * The shape with one handle dragged to `to`. An ellipse keeps its centre and turns with the handle; its other axis keeps its length
 * and stays perpendicular in mm (`pixel` = height and width of a pixel in mm).
 */
export function dragged(shape: Shape, handle: number, to: Point, pixel: Point = [1, 1]): Shape {
  if (shape.kind !== "ellipse") {
    return { kind: shape.kind, points: shape.points.map((point, n) => (n === handle ? to : point)) };
  }
  const centre = centreOf(shape);
  const own = handle < 2 ? 0 : 2;
  const other = 2 - own;
  const arm = minus(to, centre);
  const mm: Point = [arm[0] * pixel[0], arm[1] * pixel[1]];
  const length = Math.hypot(mm[0], mm[1]);
  if (length < 1e-6) return shape;
  const old = minus(shape.points[other]!, centre);
  const half = Math.hypot(old[0] * pixel[0], old[1] * pixel[1]);
  const across: Point = [((mm[1] / length) * half) / pixel[0], ((-mm[0] / length) * half) / pixel[1]];
  const same = old[0] * across[0] * pixel[0] ** 2 + old[1] * across[1] * pixel[1] ** 2 >= 0 ? 1 : -1;
  const points: Point[] = [...shape.points];
  points[handle] = to;
  points[own + 1 - (handle - own)] = minus(centre, arm);
  points[other] = add(centre, [across[0] * same, across[1] * same]);
  points[other + 1] = minus(centre, [across[0] * same, across[1] * same]);
  return { kind: "ellipse", points };
}

/** The point at share t of the uniform Catmull-Rom span from b to c. */
function catmullRom(a: Point, b: Point, c: Point, d: Point, t: number): Point {
  const one = (n: 0 | 1): number =>
    0.5 * (2 * b[n] + (c[n] - a[n]) * t + (2 * a[n] - 5 * b[n] + 4 * c[n] - d[n]) * t * t + (3 * b[n] - a[n] - 3 * c[n] + d[n]) * t ** 3);
  return [one(0), one(1)];
}

/** The closed line of a shape as it will be filled. */
export function lineOf(shape: Shape): Point[] {
  const { points } = shape;
  if (shape.kind === "freehand" || points.length < 3) return [...points];
  if (shape.kind === "ellipse") {
    const centre = centreOf(shape);
    const a = minus(points[1]!, centre);
    const b = minus(points[3]!, centre);
    return Array.from({ length: ELLIPSE_STEPS }, (_, n): Point => {
      const angle = (2 * Math.PI * n) / ELLIPSE_STEPS;
      return [
        centre[0] + a[0] * Math.cos(angle) + b[0] * Math.sin(angle),
        centre[1] + a[1] * Math.cos(angle) + b[1] * Math.sin(angle),
      ];
    });
  }
  const count = points.length;
  const line: Point[] = [];
  for (let n = 0; n < count; n += 1) {
    const [a, b, c, d] = [-1, 0, 1, 2].map((m) => points[(n + m + count) % count]!) as [Point, Point, Point, Point];
    for (let step = 0; step < STEPS_A_SPAN; step += 1) line.push(catmullRom(a, b, c, d, step / STEPS_A_SPAN));
  }
  return line;
}

/** Even-odd: whether a point lies inside a closed line. */
export function within(line: readonly Point[], point: Point): boolean {
  let odd = false;
  for (let n = 0, m = line.length - 1; n < line.length; m = n, n += 1) {
    const [a, b] = [line[n]!, line[m]!];
    if (a[0] > point[0] !== b[0] > point[0] && point[1] < ((b[1] - a[1]) * (point[0] - a[0])) / (b[0] - a[0]) + a[1]) odd = !odd;
  }
  return odd;
}

/** How far a point is from a line piece. */
function toPiece(point: Point, a: Point, b: Point): number {
  const way = minus(b, a);
  const square = way[0] ** 2 + way[1] ** 2;
  const t = square === 0 ? 0 : Math.max(0, Math.min(1, ((point[0] - a[0]) * way[0] + (point[1] - a[1]) * way[1]) / square));
  return distance(point, [a[0] + t * way[0], a[1] + t * way[1]]);
}

/** How far a point is from a closed line. */
export function distanceTo(line: readonly Point[], point: Point): number {
  return line.reduce((least, here, n) => Math.min(least, toPiece(point, here, line[(n + 1) % line.length]!)), Infinity);
}

/** A spline or freehand line with a point put in at the nearest of its pieces. */
export function inserted(shape: Shape, at: Point): Shape {
  if (shape.kind === "ellipse" || shape.points.length < 2) return shape;
  let best = 0;
  let least = Infinity;
  shape.points.forEach((point, n) => {
    const far = toPiece(at, point, shape.points[(n + 1) % shape.points.length]!);
    if (far < least) [best, least] = [n, far];
  });
  return { kind: shape.kind, points: [...shape.points.slice(0, best + 1), at, ...shape.points.slice(best + 1)] };
}

/** Without one point; a closed line keeps at least three. */
export function withoutPoint(shape: Shape, handle: number): Shape {
  if (shape.kind === "ellipse" || shape.points.length <= 3) return shape;
  return { kind: shape.kind, points: shape.points.filter((_, n) => n !== handle) };
}

/** Fewer points, none farther from the line than `tolerance` (Ramer, Douglas and Peucker). */
export function simplified(points: readonly Point[], tolerance: number): Point[] {
  if (points.length < 3) return [...points];
  const [first, last] = [points[0]!, points[points.length - 1]!];
  let worst = 0;
  let most = 0;
  for (let n = 1; n < points.length - 1; n += 1) {
    const far = toPiece(points[n]!, first, last);
    if (far > most) [worst, most] = [n, far];
  }
  if (most <= tolerance) return [first, last];
  const before = simplified(points.slice(0, worst + 1), tolerance);
  return [...before.slice(0, -1), ...simplified(points.slice(worst), tolerance)];
}

/** Whether a shape encloses anything worth keeping (more than a fifth of a voxel). */
export function encloses(shape: Shape): boolean {
  const line = lineOf(shape);
  if (line.length < 3) return false;
  let twice = 0;
  line.forEach((point, n) => {
    const after = line[(n + 1) % line.length]!;
    twice += point[1] * after[0] - after[1] * point[0];
  });
  return Math.abs(twice) / 2 > 0.2;
}
