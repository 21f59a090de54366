import { expect, it } from "vitest";
import { decimals, fixed, interval, moment, NONE, percent, sided, withSd } from "../../src/panels/format";

it("numbers follow the language", () => {
  expect(fixed(1234.5, 1, "en")).toBe("1,234.5");
  expect(fixed(0.844, 2, "fr")).toBe("0,84");
  expect(interval([0.666, 1.041], 2, "en")).toBe("0.67 to 1.04");
  expect(interval([0.666, 1.041], 2, "fr")).toBe("0,67 à 1,04");
  expect(withSd(109.07, 5.567, "en")).toBe("109 ± 6");
  expect(withSd(0.5482, 0.0641, "fr")).toBe("0,548 ± 0,064");
});

it("what has no meaning is a dash, and zero has no sign", () => {
  for (const value of [null, undefined, NaN, Infinity]) expect(fixed(value, 1, "en")).toBe(NONE);
  expect(interval(null, 2, "en")).toBe(NONE);
  expect(interval([NaN, 1], 2, "en")).toBe(NONE);
  expect(fixed(-0.001, 1, "en")).toBe("0.0");
  expect(withSd(1, null, "en")).toBe("1.00");
});

it("a probability is never rounded to a certainty", () => {
  expect(percent(0.039, "en")).toBe("4%");
  expect(percent(0.0001, "en")).toBe("< 1%");
  expect(percent(0.999, "fr")).toBe("> 99\u202f%");
  expect(percent(0, "en")).toBe("< 1%");
  expect(percent(1, "en")).toBe("> 99%");
  expect(percent(null, "fr")).toBe(NONE);
});

it("a ratio is shown on its own side of the cut-off", () => {
  expect([0.676, 0.66, 0.68, 0.684, 0.67999].map((value) => sided(value, 0.68, "en"))).toEqual(["0.676", "0.66", "0.68", "0.684", "0.67999"]);
  expect(sided(0.676, 0.68, "fr")).toBe("0,676");
  expect(sided(0.676, null, "en")).toBe("0.68");
  expect(sided(null, 0.68, "en")).toBe(NONE);
});

it("decimals suit the size", () => {
  expect([0.5, 5, 50, 500, 0.005, 0].map((value) => decimals(value))).toEqual([3, 2, 1, 0, 3, 1]);
});

it("an instant is told in the language, other text as it is", () => {
  expect(moment("2026-03-05T10:20:00Z", "en")).toContain("2026");
  expect(moment("2026-03-05T10:20:00Z", "fr")).toContain("mars");
  expect(moment("soon", "en")).toBe("soon");
});
