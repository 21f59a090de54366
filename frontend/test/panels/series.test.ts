import { describe, expect, it } from "vitest";
import type { Numbers } from "../../src/panels/forms";
import { rowOfLive, rowOfResult, shownRatio } from "../../src/panels/forms";
import { axisOf, baselineOf, baselineSpan, enhancement, nearestPass, onAxis, seriesOf } from "../../src/panels/series";

const MEASURED = { voxels: 5, parameters: {}, flags: [], curve: { times_s: [0, 2], hu: [60, 90], baseline_hu: 60, fit: [60, 88], low: [59, 85], high: [61, 91], residual: [0, 2] } };
const NUMBERS: Numbers = {
  cursor: 1, series: "acquired", model: "aath", seconds: 0.1, flags: [], healthy: MEASURED,
  inputs: { times_s: [0, 1, 2], aorta: [0, 200, 150], portal: null, baseline_passes: [0], flags: [] },
  lesions: [{ id: "lesion-1", version: 1, volume_ml: 3, longest_axial_diameter_mm: 20, flags: [], parts: { whole: MEASURED }, ratio: { bf: { value: 0.5, sd: 0.1, ci95: [0.3, 0.7] } }, response: [], ratings: [] }],
};
const LOOK = { label: (key: string) => key.toUpperCase(), colour: () => "#fff" };

describe("curves on one axis", () => {
  it("keep every time once, and every value at its own time", () => {
    const axis = axisOf([{ times_s: [0, 2, 4] }, { times_s: [1, 2.0001, 5] }]);
    expect(axis).toEqual([0, 1, 2, 4, 5]);
    expect(onAxis(axis, [1, 2.0001, 5], [7, 8, 9])).toEqual([null, 7, 8, null, 9]);
    expect(onAxis(axis, [0, 2], [null, NaN])).toEqual([null, null, null, null, null]);
    expect(onAxis(axis, [0], undefined)).toEqual([null, null, null, null, null]);
  });

  it("are enhancement: the region's raw HU lose their baseline, a residual does not", () => {
    const list = seriesOf(NUMBERS, "lesion-1", "whole", LOOK);
    expect(list.map((one) => one.key)).toEqual(["aorta", "healthy", "lesion-1"]);
    expect(list[0]!.hu).toEqual([0, 200, 150]);
    expect([list[2]!.hu, list[2]!.fit, list[2]!.low, list[2]!.high, list[2]!.residual]).toEqual([[0, 30], [0, 28], [-1, 25], [1, 31], [0, 2]]);
    expect(seriesOf(NUMBERS, "lesion-9", "whole", LOOK)).toHaveLength(2);
    expect(seriesOf(NUMBERS, "lesion-1", "rim", LOOK)).toHaveLength(2);
    expect(seriesOf(null, "lesion-1", "whole", LOOK)).toEqual([]);
    expect(enhancement([5, null], null)).toEqual([5, null]);
  });

  it("are shaded where there is no contrast yet", () => {
    expect(baselineSpan([0, 3, 6, 9], 3)).toEqual([0, 6]);
    expect(baselineSpan([0, 3, 6, 9], [1, 2])).toEqual([3, 6]);
    expect(baselineSpan([0, 3], null)).toBeNull();
  });

  it("lose what the passes before the contrast have in common, where those have a value", () => {
    expect(baselineOf([50, 60, 90], 2)).toBe(55);
    expect(baselineOf([50, null, 90], [0, 1])).toBe(50);
    expect([baselineOf([null, 60], 1), baselineOf([50, 60], null)]).toEqual([null, null]);
  });

  it("lead from a time to the nearest pass", () => {
    expect([-5, 3.4, 3.6, 99].map((time) => nearestPass([0, 3, 4, 10], time))).toEqual([0, 1, 2, 3]);
  });
});

describe("rows of the lesion table", () => {
  it("come alike from live numbers and from lesions.json", () => {
    const live = rowOfLive(NUMBERS.lesions[0]!);
    const kept = rowOfResult({
      id: "lesion-1", volume_ml: 3, longest_axial_diameter_mm: 20, flags: ["lesion-truncated"], ratio: { bf: { value: 0.5, sd: 0.1, ci95: [0.3, 0.7] } }, response: [], ratings: [],
      regions: { whole: { voxels: 5, bf: { value: 90, sd: 3 }, flags: ["fit-poor"] } },
    });
    expect([live.bf?.value, kept.bf?.value, live.live, kept.live]).toEqual([0.5, 0.5, true, false]);
    expect(kept.parts.whole).toEqual({ voxels: 5, parameters: { bf: { value: 90, sd: 3 } }, flags: ["fit-poor"] });
  });

  it("are rated in the order of the report, each rating with its own numbers", () => {
    const numbers = (region: string, value: number) => ({ criterion: "nancy2019-bf-ratio", threshold: 0.68, category: "minor", probability_major: 0.2, region, ratio: { value, sd: 0.1, ci95: null } });
    const words = (region: string) => ({ criterion: "nancy2019-bf-ratio", region, part: region, ratio: "", probability: "20 %", category: "minor", settled: false });
    const row = rowOfLive({ ...NUMBERS.lesions[0]!, response: [numbers("whole", 0.85), numbers("vascular", 1.06)], ratings: [words("vascular"), words("whole"), words("rim")] });
    expect(row.rated.map((one) => [one.response.region, one.rating.part, one.response.ratio?.value])).toEqual([["vascular", "vascular", 1.06], ["whole", "whole", 0.85]]);
    expect(shownRatio(row)?.value).toBe(1.06);
    expect(shownRatio(rowOfLive(NUMBERS.lesions[0]!))?.value).toBe(0.5);
  });
});
