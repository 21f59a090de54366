/** The bidirectional caliper: a long axis, and a short one kept perpendicular to it, both in patient mm. */

import type { Caliper, Place } from "./types";

function way(a: Place, b: Place): [number, number, number] {
  return [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
}

export function length(a: Place, b: Place): number {
  return Math.hypot(...way(a, b));
}

function along(a: Place, direction: readonly number[], by: number): Place {
  return [a[0] + direction[0]! * by, a[1] + direction[1]! * by, a[2] + direction[2]! * by];
}

/**
 * The part of a drag from `from` to `to` that is perpendicular to the long axis, through the foot of `from` on that axis; so the two
 * axes always cross at a right angle. `long` must have a length.
 */
export function perpendicular(long: readonly [Place, Place], from: Place, to: Place): [Place, Place] {
  const axis = way(long[0], long[1]);
  const square = dot(axis, axis);
  if (square === 0) throw new Error("a long axis without a length");
  const off = (point: Place): [number, number, number] => {
    const to0 = way(long[0], point);
    const share = dot(to0, axis) / square;
    return [to0[0] - share * axis[0], to0[1] - share * axis[1], to0[2] - share * axis[2]];
  };
  const share = Math.max(0, Math.min(1, dot(way(long[0], from), axis) / square));
  const foot = along(long[0], axis, share);
  return [along(foot, off(from), 1), along(foot, off(to), 1)];
}

/** A caliper of two axes; the longer is the long one whatever the order they were drawn in. */
export function caliperOf(first: readonly [Place, Place], second: readonly [Place, Place]): Caliper {
  const [a, b] = [length(...first), length(...second)];
  const [long, short] = a >= b ? [first, second] : [second, first];
  return { long, short, long_mm: Math.max(a, b), short_mm: Math.min(a, b) };
}
