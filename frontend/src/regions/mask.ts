/** A region's voxels: the packed box the server sends, and its sections in any plane. */

import type { Matrix } from "../api";
import { apply, inverse } from "../view/geometry";
import type { Box } from "./types";

export interface Mask {
  readonly box: Box;
  readonly size: readonly [number, number, number];
  readonly bits: Uint8Array;
}

/** A plane's section of a mask: `data` is 1 inside, rows x columns, its corner at (row, column) of the plane. */
export interface Section {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
  readonly data: Uint8Array;
}

export function parseBox(text: string): Box {
  const numbers = text.split(",").map((part) => Number(part.trim()));
  if (numbers.length !== 6 || numbers.some((value) => !Number.isInteger(value))) {
    throw new Error(`not a box: ${text}`);
  }
  return numbers as unknown as Box;
}

/** `octets` hold one bit a voxel, most significant first, in the order k, j, i of the box. */
export function unpack(box: Box, octets: Uint8Array): Mask {
  const size = [box[1] - box[0], box[3] - box[2], box[5] - box[4]] as const;
  const count = size[0] * size[1] * size[2];
  if (octets.length < Math.ceil(count / 8)) throw new Error("mask shorter than its box");
  const bits = new Uint8Array(count);
  for (let n = 0; n < count; n += 1) bits[n] = ((octets[n >> 3] ?? 0) >> (7 - (n & 7))) & 1;
  return { box, size, bits };
}

export function inside(mask: Mask, k: number, j: number, i: number): boolean {
  const [k0, k1, j0, j1, i0, i1] = mask.box;
  if (k < k0 || k >= k1 || j < j0 || j >= j1 || i < i0 || i >= i1) return false;
  return mask.bits[((k - k0) * mask.size[1] + (j - j0)) * mask.size[2] + (i - i0)] === 1;
}

/** What of the mask lies in slice `index` of a plane; null where nothing does. */
export function section(mask: Mask, toVoxel: Matrix, index: number): Section | null {
  const [k0, k1, j0, j1, i0, i1] = mask.box;
  if (k0 >= k1 || j0 >= j1 || i0 >= i1) return null;
  const toPlane = inverse(toVoxel);
  const first = apply(toPlane, [k0, j0, i0]);
  const last = apply(toPlane, [k1 - 1, j1 - 1, i1 - 1]);
  const low = first.map((value, n) => Math.round(Math.min(value, last[n]!)));
  const high = first.map((value, n) => Math.round(Math.max(value, last[n]!)));
  if (index < low[0]! || index > high[0]!) return null;
  const [row, column] = [low[1]!, low[2]!];
  const [rows, columns] = [high[1]! - row + 1, high[2]! - column + 1];
  const data = new Uint8Array(rows * columns);
  const origin = apply(toVoxel, [index, row, column]);
  const down = apply(toVoxel, [index, row + 1, column]).map((value, n) => value - origin[n]!);
  const right = apply(toVoxel, [index, row, column + 1]).map((value, n) => value - origin[n]!);
  let any = false;
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) {
      const [k, j, i] = origin.map((value, n) => Math.round(value + r * down[n]! + c * right[n]!)) as [number, number, number];
      if (inside(mask, k, j, i)) {
        data[r * columns + c] = 1;
        any = true;
      }
    }
  }
  return any ? { row, column, rows, columns, data } : null;
}

/** Centre of mass in voxels (k, j, i); null for an empty mask. */
export function centre(mask: Mask): [number, number, number] | null {
  const [depth, height, width] = mask.size;
  let [count, k, j, i] = [0, 0, 0, 0];
  for (let a = 0, n = 0; a < depth; a += 1)
    for (let b = 0; b < height; b += 1)
      for (let c = 0; c < width; c += 1, n += 1)
        if (mask.bits[n] === 1) {
          count += 1;
          k += a;
          j += b;
          i += c;
        }
  if (count === 0) return null;
  return [mask.box[0] + k / count, mask.box[2] + j / count, mask.box[4] + i / count];
}
