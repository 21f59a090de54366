import { expect, it } from "vitest";
import { tissueRange, vesselRange } from "../../src/panels/plot";
import type { Series } from "../../src/panels/series";
import { CURSOR } from "../../src/panels/shown";

const curve = (key: string, hu: (number | null)[], more: Partial<Series> = {}): Series => ({ key, label: key, colour: "#fff", times_s: hu.map((_, n) => n), hu, ...more });

it("the tissue scale holds curves and intervals of regions, not the vessels; a noisy voxel reaches beyond by half their span", () => {
  const regions = [curve("aorta", [0, 400]), curve("healthy", [0, 40]), curve("lesion-1", [0, null, 20], { low: [-2, 18], high: [2, 60] })];
  expect(tissueRange(regions)).toEqual([-2, 60]);
  expect(tissueRange([...regions, curve(CURSOR, [-10, 70])])).toEqual([-10, 70]);
  expect(tissueRange([...regions, curve(CURSOR, [-90, 350])])).toEqual([-33, 91]);
});

it("a voxel alone has the scale to itself, and nothing at all has one too", () => {
  expect(tissueRange([curve("portal_vein", [0, 150]), curve(CURSOR, [-5, 300])])).toEqual([-5, 300]);
  expect(tissueRange([])).toEqual([0, 1]);
});

it("both scales have their zero at one height", () => {
  const list = [curve("aorta", [0, 400]), curve("lesion-1", [-10, 40])];
  const [low, high] = vesselRange(list);
  const shown = [-10 - 0.06 * 50, 40 + 0.06 * 50] as const;
  expect(-low / (high - low)).toBeCloseTo(-shown[0] / (shown[1] - shown[0]), 9);
  expect(high).toBeGreaterThanOrEqual(400);
});
