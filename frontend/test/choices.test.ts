// @vitest-environment happy-dom
import { expect, test } from "vitest";
import type { Study } from "../src/api";
import { bigPlane, layout } from "../src/state";
import { neighbour, nextPlane } from "../src/view/actions";
import { lastChoices } from "../src/view/analyse";

function study(id: string, visit: number, more: Partial<Study> = {}): Study {
  return { id, visit, patient_key: "p", passes: 20, ...more } as Study;
}

test("the visit beside is the one before, else the one after, of the same patient and brought in", () => {
  const [a, b, c] = [study("a", 1), study("b", 2), study("c", 3)];
  const list = [c, a, b, study("x", 2, { patient_key: "q" })];
  expect([a, b, c].map((one) => neighbour(one, list)?.id)).toEqual(["b", "a", "b"]);
  expect(neighbour(c, [a, study("b", 2, { passes: null }), c])?.id).toBe("a");
  expect(neighbour(study("y", 1, { patient_key: "" }), [study("y", 1, { patient_key: "" }), study("z", 2, { patient_key: "" })])).toBeNull();
  expect(neighbour(a, [a])).toBeNull();
});

test("an analysis starts from the choices of the last one, as far as they are known", () => {
  const last = (analysis: Study["analysis"]) => lastChoices(study("a", 1, { analysis }));
  expect(last({ at: "", model: "aath", motion: "rigid", compare: true })).toEqual({ model: "aath", motion: "rigid", compare: true });
  expect(last({ at: "", motion: "sideways" })).toEqual({});
  expect(last(null)).toEqual({});
});

test("the next plane becomes large where three are shown, and goes round where one is", () => {
  const seen = (["planes", "maps", "visits"] as const).map((before) => {
    layout.value = before;
    bigPlane.value = "axial";
    return Array.from({ length: 3 }, () => {
      nextPlane();
      return `${layout.value} ${bigPlane.value}`;
    });
  });
  const round = (where: string) => ["coronal", "sagittal", "axial"].map((plane) => `${where} ${plane}`);
  expect(seen).toEqual([round("one"), round("maps"), round("visits")]);
});
