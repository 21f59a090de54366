import { describe, expect, it } from "vitest";
import type { Plane, Vec3 } from "../src/api";
import { apply, edges, fromMillimetres, fromPlane, inverse, planeIndex, toMillimetres, toPlane, withIndex } from "../src/view/geometry";

// A coronal plane of a 64 x 512 x 512 grid: row down = towards the feet (k falls), column = towards the patient's left (i), index = j.
const coronal: Plane = {
  count: 512,
  rows: 64,
  columns: 512,
  row_mm: 2.5,
  column_mm: 0.75,
  step_mm: 0.75,
  to_voxel: [
    [0, -1, 0, 63],
    [1, 0, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ],
  to_mm: [
    [0, 0, 0.75, -191.6],
    [0.75, 0, 0, -160.2],
    [0, -2.5, 0, 1200],
    [0, 0, 0, 1],
  ],
};

describe("planes", () => {
  it("find a voxel again", () => {
    for (const voxel of [[0, 0, 0], [63, 511, 511], [12.25, 100.5, 7]] as Vec3[]) {
      const back = fromPlane(coronal, toPlane(coronal, voxel));
      back.forEach((value, n) => expect(value).toBeCloseTo(voxel[n]!, 9));
    }
  });

  it("know the slice through a voxel, and stay within the grid", () => {
    expect(planeIndex(coronal, [5, 100.4, 3])).toBe(100);
    expect(planeIndex(coronal, [5, -7, 3])).toBe(0);
    expect(planeIndex(coronal, [5, 9999, 3])).toBe(511);
    expect(withIndex(coronal, [5, 100, 3], 600)).toEqual([5, 511, 3]);
  });

  it("measure in millimetres", () => {
    const from = toMillimetres(coronal, [10, 0, 0]);
    const to = toMillimetres(coronal, [14, 0, 0]);
    expect(Math.hypot(...from.map((mm, n) => mm - to[n]!))).toBeCloseTo(10, 9);
    fromMillimetres(coronal, from).forEach((value, n) => expect(value).toBeCloseTo([10, 0, 0][n]!, 9));
  });

  it("name their sides by the patient", () => {
    expect(edges(coronal)).toEqual({ up: ["H"], down: ["F"], left: ["R"], right: ["L"] });
    const mirrored = { ...coronal, to_mm: coronal.to_mm.map((row) => row.map((value, n) => (n === 2 ? -value : value))) };
    expect(edges(mirrored)).toMatchObject({ left: ["L"], right: ["R"] });
  });

  it("name oblique sides by all that they have, never both axes alike", () => {
    // rows and columns turned about the vertical by 50 degrees and tilted: of both, the left is the most
    const turned = (a: number, b: number, c: number) => {
      const about = (first: number, second: number, by: number) => (v: number[]) => {
        const w = [...v];
        w[first] = v[first]! * Math.cos(by) - v[second]! * Math.sin(by);
        w[second] = v[first]! * Math.sin(by) + v[second]! * Math.cos(by);
        return w;
      };
      const turns = [about(0, 1, a), about(1, 2, b), about(0, 2, c)];
      const axes = [[0, 0, 2.5], [0, 0.8, 0], [0.7, 0, 0]].map((axis) => turns.reduce((v, turn) => turn(v), axis));
      return { ...coronal, to_mm: [...[0, 1, 2].map((row) => [...axes.map((axis) => axis[row]!), 0]), [0, 0, 0, 1]] };
    };
    expect(edges(turned(Math.PI / 4, 0, 0))).toMatchObject({ left: expect.arrayContaining(["R", "A"]), right: expect.arrayContaining(["L", "P"]), up: expect.arrayContaining(["L", "A"]) });
    expect(edges(turned(0.3, 0, 0))).toEqual({ up: ["A"], down: ["P"], left: ["R"], right: ["L"] });
    for (let n = 0; n < 4000; n++) {
      const { up, down, left, right } = edges(turned(n * 0.37, n * 0.53, n * 0.71));
      const letters = [up, down, left, right].map((side) => [...side].sort().join(""));
      expect(new Set(letters).size).toBe(4);
      expect(letters).not.toContain("");
    }
  });
});

describe("an inverse", () => {
  it("undoes an oblique matrix", () => {
    const matrix = [
      [0.7, -0.2, 0.1, 5],
      [0.1, 0.9, -0.3, -8],
      [0.05, 0.2, 2.4, 11],
      [0, 0, 0, 1],
    ];
    apply(inverse(matrix), apply(matrix, [3, -4, 5])).forEach((value, n) => expect(value).toBeCloseTo([3, -4, 5][n]!, 9));
  });

  it("is refused where there is none", () => {
    expect(() => inverse([[1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])).toThrow(RangeError);
  });
});
