// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import type { Images, Plane } from "../src/api";
import { first, layout, second } from "../src/state";
import { linked, linkHere, offset_mm } from "../src/view/link";
import { lookAt, scroll } from "../src/view/pointer";
import { setPass, stepPass } from "../src/view/time";

/** A grid whose axial plane is the array itself, with its first voxel at `from_mm`. */
function images(shape: [number, number, number], [k, j, i]: [number, number, number], from_mm: [number, number, number], times_s: number[]): Images {
  const identity = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
  const axial: Plane = {
    count: shape[0], rows: shape[1], columns: shape[2], row_mm: j, column_mm: i, step_mm: k,
    to_voxel: identity,
    to_mm: [[0, 0, i, from_mm[0]], [0, j, 0, from_mm[1]], [k, 0, 0, from_mm[2]], [0, 0, 0, 1]],
  };
  return {
    grid: { shape, spacing_mm: [k, j, i], affine: identity }, passes: times_s.length, times_s, excluded: [], reference: null, baseline_passes: null,
    sets: ["acquired"], windows: [], planes: { axial, coronal: axial, sagittal: axial },
  };
}

beforeEach(() => {
  first.images.value = images([33, 101, 101], [5, 3, 3], [0, 0, 0], [0, 2, 4, 10, 30]);
  second.images.value = images([65, 201, 201], [2.5, 1.5, 1.5], [10, 20, 30], [0, 5, 11, 29]);
  layout.value = "visits";
  linked.value = true;
  offset_mm.value = null;
});

describe("two visits", () => {
  it("follow each other by relative position, both ways", () => {
    lookAt(first, [16, 50, 25]);
    expect(second.cross.value).toEqual([32, 100, 50]);
    lookAt(second, [0, 200, 0]);
    expect(first.cross.value).toEqual([0, 100, 0]);
  });

  it("follow each other by millimetres once linked at a place", () => {
    linked.value = false;
    lookAt(first, [10, 40, 40]);
    lookAt(second, [30, 90, 70]);
    linkHere();
    linked.value = true;
    // 5 mm down, 6 mm back, 3 mm to the left: one, two and one voxel here; two, four and two there.
    lookAt(first, [11, 42, 41]);
    second.cross.value.forEach((at, n) => expect(at).toBeCloseTo([32, 94, 72][n]!, 9));
    lookAt(second, [30, 90, 70]);
    first.cross.value.forEach((at, n) => expect(at).toBeCloseTo([10, 40, 40][n]!, 9));
  });

  it("stay apart when not linked, and alone in the other layouts", () => {
    second.cross.value = [1, 2, 3];
    linked.value = false;
    lookAt(first, [16, 50, 25]);
    linked.value = true;
    layout.value = "planes";
    lookAt(first, [17, 50, 25]);
    expect(second.cross.value).toEqual([1, 2, 3]);
  });

  it("show the passes nearest in time", () => {
    setPass(first, 3);
    expect(second.pass.value).toBe(2);
    setPass(first, 4);
    expect(second.pass.value).toBe(3);
  });
});

describe("looking", () => {
  it("stays within the grid", () => {
    lookAt(first, [-4, 300, 50.5]);
    expect(first.cross.value).toEqual([0, 100, 50.5]);
    scroll(first, "axial", 500);
    expect(first.indices.axial.value).toBe(32);
    scroll(first, "axial", -1);
    expect(first.indices.axial.value).toBe(31);
  });

  it("goes round through the passes", () => {
    setPass(first, 4);
    stepPass(first, 1);
    expect(first.pass.value).toBe(0);
    stepPass(first, -1);
    expect(first.pass.value).toBe(4);
  });
});
