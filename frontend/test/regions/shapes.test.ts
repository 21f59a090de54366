import { describe, expect, it } from "vitest";
import { centreOf, distance, distanceTo, dragged, ellipseBetween, encloses, inserted, lineOf, moved, simplified, within, withoutPoint } from "../../src/regions/shapes";
import type { Point, Shape } from "../../src/regions/types";
import { area } from "../../src/regions/outline";
import { caliperOf, length, perpendicular } from "../../src/regions/caliper";
import { kindOf, nextLesion } from "../../src/regions/types";

const SQUARE: Shape = { kind: "spline", points: [[0, 0], [0, 10], [10, 10], [10, 0]] };

describe("an ellipse", () => {
  const ellipse = ellipseBetween([10, 20], [20, 40]);

  it("fills the box it was dragged over", () => {
    expect(area([lineOf(ellipse)])).toBeCloseTo(Math.PI * 5 * 10, 0);
    expect(centreOf(ellipse)).toEqual([15, 30]);
    const line = lineOf(ellipse);
    expect(Math.min(...line.map((p) => p[0]))).toBeCloseTo(10, 5);
    expect(Math.max(...line.map((p) => p[1]))).toBeCloseTo(40, 5);
  });

  it("keeps its centre and its other axis when an end is dragged", () => {
    const turned = dragged(ellipse, 1, [25, 30]);
    expect(centreOf(turned)).toEqual([15, 30]);
    expect(turned.points[1]).toEqual([25, 30]);
    expect(distance(turned.points[2]!, turned.points[3]!)).toBeCloseTo(10, 9);
    expect(turned.points[2]![0]).toBeCloseTo(15, 9);
    expect(dragged(ellipse, 2, [15, 30])).toBe(ellipse);
  });

  it("stays perpendicular in mm where pixels are not square", () => {
    const turned = dragged(ellipse, 0, [12, 22], [5, 0.7]);
    const [a, b] = [0, 2].map((n) => turned.points[n]!.map((v, axis) => (v - centreOf(turned)[axis]!) * [5, 0.7][axis]!)) as [number[], number[]];
    expect(a[0]! * b[0]! + a[1]! * b[1]!).toBeCloseTo(0, 9);
    expect(Math.hypot(...(b as [number, number]))).toBeCloseTo(25, 9);
  });

  it("does not flip its other axis from one move to the next", () => {
    const small = dragged(ellipse, 1, [15.1, 40]);
    expect(distance(small.points[2]!, ellipse.points[2]!)).toBeLessThan(0.2);
    const back = dragged(ellipse, 0, [15.1, 20]);
    expect(distance(back.points[3]!, ellipse.points[3]!)).toBeLessThan(0.2);
  });
});

describe("a spline", () => {
  it("goes through its points and is closed", () => {
    const line = lineOf(SQUARE);
    for (const point of SQUARE.points) expect(line.some((other) => distance(point, other) < 1e-9)).toBe(true);
    expect(area([line])).toBeGreaterThan(100);
  });

  it("takes a point in where the line is near, and gives one up, but keeps three", () => {
    const more = inserted(SQUARE, [5, 11]);
    expect(more.points.map(String)).toEqual(["0,0", "0,10", "5,11", "10,10", "10,0"]);
    expect(inserted(SQUARE, [5, -1]).points[4]).toEqual([5, -1]);
    expect(withoutPoint(more, 2)).toEqual(SQUARE);
    const three: Shape = { kind: "spline", points: SQUARE.points.slice(0, 3) };
    expect(withoutPoint(three, 0)).toBe(three);
  });

  it("moves as a whole", () => {
    expect(moved(SQUARE, [1, -2]).points[0]).toEqual([1, -2]);
  });
});

describe("lines", () => {
  it("hold what is inside by the even-odd rule", () => {
    const line = lineOf({ ...SQUARE, kind: "freehand" });
    expect(within(line, [5, 5])).toBe(true);
    expect(within(line, [5, 12])).toBe(false);
    expect(within(line, [-1, 5])).toBe(false);
  });

  it("are as far as their nearest piece, the closing one too", () => {
    const line = lineOf({ ...SQUARE, kind: "freehand" });
    expect(distanceTo(line, [5, 12])).toBe(2);
    expect(distanceTo(line, [5, -3])).toBe(3);
    expect(distanceTo(line, [5, 5])).toBe(5);
  });

  it("lose points that say nothing, and no others", () => {
    const straight: Point[] = Array.from({ length: 50 }, (_, n): Point => [n, 0.01 * (n % 2)]);
    expect(simplified(straight, 0.1)).toHaveLength(2);
    const corner: Point[] = [[0, 0], [0, 5], [0, 10], [5, 10], [10, 10]];
    expect(simplified(corner, 0.1)).toEqual([[0, 0], [0, 10], [10, 10]]);
  });

  it("enclose something or are refused", () => {
    expect(encloses(SQUARE)).toBe(true);
    expect(encloses({ kind: "freehand", points: [[0, 0], [1, 1]] })).toBe(false);
    expect(encloses(ellipseBetween([3, 3], [3, 9]))).toBe(false);
  });
});

describe("the caliper", () => {
  it("keeps the short axis at a right angle, whatever the drag", () => {
    const [a, b] = perpendicular([[0, 0, 0], [40, 0, 0]], [10, -5, 0], [30, 9, 0]);
    expect([a, b]).toEqual([[10, -5, 0], [10, 9, 0]]);
    expect(length(a, b)).toBe(14);
    expect(() => perpendicular([[1, 1, 1], [1, 1, 1]], [0, 0, 0], [1, 0, 0])).toThrow("length");
  });

  it("calls the longer axis long", () => {
    const caliper = caliperOf([[0, 0, 0], [10, 0, 0]], [[5, -8, 0], [5, 8, 0]]);
    expect([caliper.long_mm, caliper.short_mm]).toEqual([16, 10]);
    expect(caliper.long[0]).toEqual([5, -8, 0]);
  });
});

it("names are told apart, and a new lesion takes the first free one", () => {
  expect(kindOf("portal_vein")).toBe("portal_vein");
  expect(kindOf("lesion-3")).toBe("lesion");
  expect(nextLesion(["lesion-1", "lesion-3", "aorta"])).toBe("lesion-2");
});
