/** Outlines of a section by marching squares: closed lines midway between the centres in and out. */

import type { Matrix } from "../api";
import type { Mask, Section } from "./mask";
import { section } from "./mask";
import type { Point } from "./types";

/**
 * Edges of one cell, as pairs of its sides (0 up, 1 right, 2 down, 3 left), inside kept on the left; the two saddle cells (5, 10)
 * keep their corners apart, so a line never crosses itself.
 */
const CELLS: readonly (readonly (readonly [number, number])[])[] = [
  [],
  [[3, 2]],
  [[2, 1]],
  [[3, 1]],
  [[1, 0]],
  [[3, 2], [1, 0]],
  [[2, 0]],
  [[3, 0]],
  [[0, 3]],
  [[0, 2]],
  [[0, 3], [2, 1]],
  [[0, 1]],
  [[1, 3]],
  [[1, 2]],
  [[2, 3]],
  [],
];

/** The closed lines around a section, in (row, column) of its plane (pixel centres are whole numbers). */
export function outlines(part: Section): Point[][] {
  const { rows, columns, data } = part;
  const value = (r: number, c: number): number => (r < 0 || c < 0 || r >= rows || c >= columns ? 0 : data[r * columns + c]!);
  const width = 2 * (columns + 2);
  // A side's middle, doubled so that halves are whole numbers and can be keys.
  const key = (r: number, c: number, side: number): number => {
    const [dr, dc] = [[0, 1], [1, 2], [2, 1], [1, 0]][side] as [number, number];
    return (2 * r + dr + 2) * width + (2 * c + dc + 2);
  };
  const next = new Map<number, number>();
  for (let r = -1; r < rows; r += 1) {
    for (let c = -1; c < columns; c += 1) {
      const kind = value(r, c) * 8 + value(r, c + 1) * 4 + value(r + 1, c + 1) * 2 + value(r + 1, c);
      for (const [from, to] of CELLS[kind]!) next.set(key(r, c, from), key(r, c, to));
    }
  }
  const lines: Point[][] = [];
  for (const start of [...next.keys()]) {
    if (!next.has(start)) continue;
    const line: Point[] = [];
    let at = start;
    while (next.has(at)) {
      const onward = next.get(at)!;
      next.delete(at);
      line.push([part.row + (Math.floor(at / width) - 2) / 2, part.column + ((at % width) - 2) / 2]);
      at = onward;
    }
    lines.push(straightened(line));
  }
  return lines;
}

/** A closed line without the points that lie on the straight way between their neighbours. */
function straightened(line: readonly Point[]): Point[] {
  const count = line.length;
  return line.filter((point, n) => {
    const before = line[(n + count - 1) % count]!;
    const after = line[(n + 1) % count]!;
    return (point[0] - before[0]) * (after[1] - point[1]) !== (point[1] - before[1]) * (after[0] - point[0]);
  });
}

/** The area inside closed lines, holes taken off, in pixels. */
export function area(lines: readonly (readonly Point[])[]): number {
  let twice = 0;
  for (const line of lines) {
    line.forEach((point, n) => {
      const after = line[(n + 1) % line.length]!;
      twice += point[1] * after[0] - after[1] * point[0];
    });
  }
  return Math.abs(twice) / 2;
}

/** Outlines of one mask, kept a slice so that scrolling back costs nothing; bounded. */
export class Outlines {
  readonly #kept = new Map<string, Point[][]>();
  readonly #mask: Mask;
  readonly #most: number;

  constructor(mask: Mask, most = 256) {
    this.#mask = mask;
    this.#most = most;
  }

  at(plane: string, toVoxel: Matrix, index: number): Point[][] {
    const key = `${plane}/${index}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const part = section(this.#mask, toVoxel, index);
    const lines = part === null ? [] : outlines(part);
    if (this.#kept.size >= this.#most) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, lines);
    return lines;
  }
}
