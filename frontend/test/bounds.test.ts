import { expect, test } from "vitest";
import { refusal, typed } from "../src/view/mapbar";

test("a bound is read with a decimal point or comma, and nothing typed is no bound", () => {
  expect([typed("40"), typed(" 0,5 "), typed("-.25"), typed("−3"), typed("")]).toEqual([40, 0.5, -0.25, -3, null]);
  expect([typed("-"), typed("1e3"), typed("4 0"), typed("forty")]).toEqual([NaN, NaN, NaN, NaN]);
});

test("a lower bound above the upper one is refused, on either side", () => {
  expect(refusal({ lower: null, upper: 100 }, "lower", 140)).toBe("map.crossed");
  expect(refusal({ lower: 40, upper: null }, "upper", 14)).toBe("map.crossed");
  expect(refusal({ lower: 200, upper: 100 }, "lower", 100)).toBeNull();
  expect(refusal({ lower: 40, upper: 100 }, "upper", null)).toBeNull();
  expect(refusal({ lower: 40, upper: 100 }, "upper", NaN)).toBe("map.number");
});
