import { describe, expect, it } from "vitest";
import { centre, inside, parseBox, section, unpack } from "../../src/regions/mask";
import type { Box } from "../../src/regions/types";
import { area, Outlines, outlines } from "../../src/regions/outline";

/** One bit a voxel as numpy.packbits writes it. */
function pack(bits: readonly number[]): Uint8Array {
  const octets = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, n) => {
    if (bit) octets[n >> 3]! |= 128 >> (n & 7);
  });
  return octets;
}

const AXIAL = [[-1, 0, 0, 9], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
const CORONAL = [[0, -1, 0, 9], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
const SAGITTAL = [[0, -1, 0, 9], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]];

describe("a packed mask", () => {
  it("is read as numpy packs it: most significant bit first, k then j then i", () => {
    const box: Box = [2, 3, 4, 6, 5, 10];
    const mask = unpack(box, new Uint8Array([0b10000_010, 0b01_000000]));
    expect([inside(mask, 2, 4, 5), inside(mask, 2, 5, 6), inside(mask, 2, 5, 9)]).toEqual([true, true, true]);
    expect([inside(mask, 2, 4, 6), inside(mask, 3, 4, 5), inside(mask, 2, 4, 4)]).toEqual([false, false, false]);
    expect(mask.bits.reduce((sum, bit) => sum + bit, 0)).toBe(3);
  });

  it("refuses octets that do not fill the box and a box that is none", () => {
    expect(() => unpack([0, 4, 0, 4, 0, 4], new Uint8Array(7))).toThrow("shorter");
    expect(() => parseBox("1,2,3")).toThrow("box");
    expect(parseBox("1, 2,3,4,5,6")).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("knows its centre, and none of an empty one", () => {
    const mask = unpack([1, 4, 2, 5, 3, 6], pack(Array.from({ length: 27 }, () => 1)));
    expect(centre(mask)).toEqual([2, 3, 4]);
    expect(centre(unpack([0, 1, 0, 1, 0, 1], new Uint8Array([0])))).toBeNull();
  });
});

describe("a section of a mask", () => {
  // One voxel at (k, j, i) = (3, 5, 7) and its neighbour (3, 5, 8), in a box of 2 x 2 x 3 from (3, 5, 7).
  const mask = unpack([3, 5, 5, 7, 7, 10], pack([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));

  it("lies where each plane's mapping puts it", () => {
    const axial = section(mask, AXIAL, 6)!;
    expect([axial.row, axial.column, axial.rows, axial.columns]).toEqual([5, 7, 2, 3]);
    expect([...axial.data]).toEqual([1, 1, 0, 0, 0, 0]);
    const coronal = section(mask, CORONAL, 5)!;
    expect([coronal.row, coronal.column]).toEqual([5, 7]);
    expect([...coronal.data]).toEqual([0, 0, 0, 1, 1, 0]);
    const sagittal = section(mask, SAGITTAL, 8)!;
    expect([...sagittal.data]).toEqual([0, 0, 1, 0]);
  });

  it("is nothing outside, and nothing where the box holds nothing", () => {
    expect(section(mask, AXIAL, 0)).toBeNull();
    expect(section(mask, AXIAL, 5)).toBeNull();
    expect(section(mask, SAGITTAL, 9)).toBeNull();
  });
});

describe("outlines", () => {
  const of = (rows: readonly string[]) =>
    outlines({
      row: 10, column: 20, rows: rows.length, columns: rows[0]!.length,
      data: Uint8Array.from(rows.join("").split("").map((mark) => (mark === "#" ? 1 : 0))),
    });

  it("go around one voxel at half a voxel", () => {
    const lines = of(["#"]);
    expect(lines).toHaveLength(1);
    expect(new Set(lines[0]!.map(String))).toEqual(new Set(["9.5,20", "10,20.5", "10.5,20", "10,19.5"]));
  });

  it("enclose the area of the voxels less the cut corners", () => {
    expect(area(of(["####", "####", "####"]))).toBeCloseTo(12 - 4 / 8, 9);
    expect(area(of(["#####", "#####", "##.##", "#####", "#####"]))).toBeCloseTo(25 - 0.5 - 0.5, 9);
  });

  it("keep apart what touches at a corner only, and close every line", () => {
    expect(of(["#.", ".#"])).toHaveLength(2);
    expect(of([".#", "#."])).toHaveLength(2);
    expect(of(["###", "#.#", "###"])).toHaveLength(2);
  });

  it("are kept a slice", () => {
    const kept = new Outlines(unpack([0, 1, 0, 1, 0, 1], new Uint8Array([128])), 2);
    const first = kept.at("axial", AXIAL, 9);
    expect(kept.at("axial", AXIAL, 9)).toBe(first);
    kept.at("axial", AXIAL, 1);
    kept.at("axial", AXIAL, 2);
    expect(kept.at("axial", AXIAL, 9)).not.toBe(first);
  });
});
