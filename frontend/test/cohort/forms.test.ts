import { describe, expect, it } from "vitest";
import { cohortOf, five, marks, spread } from "../../src/cohort/forms";

describe("a cohort", () => {
  it("is read with groups as lists or by name, and keeps each point's row", () => {
    const cohort = cohortOf({
      name: "c", table: [{ patient: "1", bf_ratio: 0.4, study: "ab" }, { patient: "2", bf_ratio: 1.1, study: null }], roc: [],
      boxes: [
        { column: "bf_ratio", groups: [{ name: "major", values: [{ value: 0.4, row: 0 }, { value: null, row: 1 }] }] },
        { column: "hu", groups: { minor: [1, 2, NaN] } },
      ],
    });
    expect(cohort.columns).toEqual(["patient", "bf_ratio"]);
    expect(cohort.boxes[0]!.groups[0]!.values).toEqual([{ value: 0.4, row: 0 }]);
    expect(cohort.boxes[1]!.groups[0]).toEqual({ name: { en: "minor", fr: "minor" }, values: [{ value: 1, row: null }, { value: 2, row: null }] });
    expect(cohortOf({}).table).toEqual([]);
  });

  it("says in French what the study says in French, else what it says", () => {
    const { findings, boxes } = cohortOf({
      findings: [{ code: "clustered", severity: "info", text: "2 lesions.", text_fr: "2 lésions." }, { code: "old", severity: "info", text: "Old." }],
      boxes: [{ column: "hu", groups: [] }, { column: "bf", label: "BF", label_fr: "DS", groups: [] }],
    });
    expect(findings.map((one) => one.text)).toEqual([{ en: "2 lesions.", fr: "2 lésions." }, { en: "Old.", fr: "Old." }]);
    expect(boxes.map((one) => one.label.fr)).toEqual(["hu", "DS"]);
  });
});

describe("a box", () => {
  it("has quartiles between order statistics and whiskers within 1.5 ranges", () => {
    expect(five([1, 2, 3, 4, 100])).toEqual({ q1: 2, median: 3, q3: 4, low: 1, high: 4 });
    expect(five([7])).toEqual({ q1: 7, median: 7, q3: 7, low: 7, high: 7 });
    expect(five([])).toBeNull();
  });

  it("has round marks", () => {
    expect(marks(0.13, 1.27)).toEqual([0.25, 0.5, 0.75, 1, 1.25]);
    expect(marks(-2, 2)).toEqual([-2, -1, 0, 1, 2]);
    expect(marks(3, 3)).toEqual([3]);
  });

  it("sets near equals apart and leaves others in the middle", () => {
    expect(spread([1, 1.01, 5], 0.1)).toEqual([0, 0.3, 0]);
  });
});
