import { expect, it } from "vitest";
import { slicesBetween } from "../../src/regions/far_outline";

it("slices between a region and an outline are counted on both sides, none where they touch", () => {
  const region = { box: [10, 15, 0, 5, 0, 5], voxels: 40 } as const;
  expect([5, 8, 9, 12, 15, 16, 20].map((k) => slicesBetween(region, k))).toEqual([4, 1, 0, 0, 0, 1, 5]);
  expect(slicesBetween({ box: [0, 0, 0, 0, 0, 0], voxels: 0 }, 30)).toBe(0);
});
