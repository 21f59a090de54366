/** From a plane's pixels to the study's voxels and back. Pixels are (row, column), voxels (k, j, i); whole numbers are centres. */
import type { Matrix, Plane, Vec3, Voxel } from "../api";

/** Applies a 4 x 4 matrix to a point. */
export function apply(matrix: Matrix, [x, y, z]: Vec3): Vec3 {
  const line = (n: number): number => matrix[n]![0]! * x + matrix[n]![1]! * y + matrix[n]![2]! * z + matrix[n]![3]!;
  return [line(0), line(1), line(2)];
}

/** Inverse of an affine 4 x 4 matrix; throws RangeError when there is none. */
export function inverse(matrix: Matrix): Matrix {
  const [a, b, c, p] = matrix[0] as [number, number, number, number];
  const [d, e, f, q] = matrix[1] as [number, number, number, number];
  const [g, h, i, r] = matrix[2] as [number, number, number, number];
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (!Number.isFinite(det) || det === 0) throw new RangeError("a plane's matrix has no inverse");
  const m = [
    [(e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det],
    [(f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det],
    [(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det],
  ] as [Vec3, Vec3, Vec3];
  return [...m.map((row) => [...row, -(row[0] * p + row[1] * q + row[2] * r)]), [0, 0, 0, 1]];
}

const inverses = new WeakMap<Plane, Matrix>();

/** (index, row, column) of a voxel in a plane, fractions kept. */
export function toPlane(plane: Plane, voxel: Voxel): Vec3 {
  let matrix = inverses.get(plane);
  if (matrix === undefined) inverses.set(plane, (matrix = inverse(plane.to_voxel)));
  return apply(matrix, voxel);
}

/** The voxel at (index, row, column) of a plane. */
export function fromPlane(plane: Plane, at: Vec3): Voxel {
  return apply(plane.to_voxel, at);
}

/** The slice of a plane that goes through a voxel. */
export function planeIndex(plane: Plane, voxel: Voxel): number {
  return clamp(Math.round(toPlane(plane, voxel)[0]), 0, plane.count - 1);
}

/** The same voxel moved to another slice of a plane. */
export function withIndex(plane: Plane, voxel: Voxel, index: number): Voxel {
  const [, row, column] = toPlane(plane, voxel);
  return fromPlane(plane, [clamp(index, 0, plane.count - 1), row, column]);
}

/** LPS millimetres of a voxel. */
export function toMillimetres(plane: Plane, voxel: Voxel): Vec3 {
  return apply(plane.to_mm, toPlane(plane, voxel));
}

const backwards = new WeakMap<Plane, Matrix>();

/** The voxel at LPS millimetres. */
export function fromMillimetres(plane: Plane, point: Vec3): Voxel {
  let matrix = backwards.get(plane);
  if (matrix === undefined) backwards.set(plane, (matrix = inverse(plane.to_mm)));
  return fromPlane(plane, apply(matrix, point));
}

const ENDS = [
  ["R", "L"],
  ["A", "P"],
  ["F", "H"],
] as const;
export type Edge = (typeof ENDS)[number][number];

/** A direction that lies further than this from a patient axis (its cosine: 67.5 degrees) has none of it. */
const HAS = Math.sin(Math.PI / 8);

/**
 * The anatomical direction at each side of a plane as shown: right, left, anterior, posterior, head, foot; of an oblique side all that it
 * has of these, the most first (as DICOM's Patient Orientation). So the two axes of a plane never bear the same letters.
 */
export function edges(plane: Plane): Record<"up" | "down" | "left" | "right", Edge[]> {
  const towards = (column: 1 | 2): [Edge[], Edge[]] => {
    const mm = [0, 1, 2].map((axis) => plane.to_mm[axis]![column]!);
    const share = mm.map((value) => value / Math.hypot(...mm));
    const axes = [0, 1, 2].filter((axis) => Math.abs(share[axis]!) > HAS).sort((a, b) => Math.abs(share[b]!) - Math.abs(share[a]!));
    const end = (positive: boolean) => axes.map((axis) => ENDS[axis]![share[axis]! > 0 === positive ? 1 : 0]);
    return [end(false), end(true)];
  };
  const [up, down] = towards(1);
  const [left, right] = towards(2);
  return { up, down, left, right };
}

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
