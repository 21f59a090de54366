import { describe, expect, it } from "vitest";
import { paint, place, type Scale } from "../src/view/overlay";
import { greyTable, paintGrey } from "../src/view/software";

const grey: Scale = { low: 0, high: 100, log: false, colours: Array.from({ length: 256 }, (_, n) => [n, n, n] as const), unit: "", name: "", symbol: "", decimals: 0 };

function painted(values: number[], sd: number[] | null = null, within = { lower: null as number | null, upper: null as number | null }): number[][] {
  const into = new Uint8ClampedArray(values.length * 4);
  paint(into, Float32Array.from(values), sd === null ? null : Float32Array.from(sd), grey, within);
  return values.map((_, n) => [...into.slice(n * 4, n * 4 + 4)]);
}

describe("a map's colours", () => {
  it("run from the low to the high end and stay there beyond", () => {
    expect(painted([0, 50, 100, 500, -3]).map((one) => one[0])).toEqual([0, 128, 255, 255, 0]);
  });

  it("leave out what was not computed and what is out of bounds", () => {
    expect(painted([NaN, 20, 80], null, { lower: 30, upper: null }).map((one) => one[3])).toEqual([0, 0, 255]);
    expect(painted([20, 80], null, { lower: null, upper: 50 }).map((one) => one[3])).toEqual([255, 0]);
  });

  it("fade with the standard deviation", () => {
    const alphas = painted([50, 50, 50, 50, 50, 0], [0, 10, 30, 50, 200, 0]).map((one) => one[3]!);
    expect(alphas.slice(0, 2)).toEqual([255, 255]);
    expect(alphas[2]).toBe(128);
    expect(alphas.slice(3)).toEqual([0, 0, 0]);
  });

  it("of a ratio put half and double equally far from one", () => {
    const ratio = { low: 0.25, high: 4, log: true };
    expect(place(1, ratio)).toBe(128);
    expect(place(2, ratio) - 127.5).toBeCloseTo(127.5 - place(0.5, ratio), 0);
  });
});

describe("grey values", () => {
  const shown = (values: number[], window: { level: number; width: number }): number[] => {
    const into = new Uint32Array(values.length);
    paintGrey(into, Int16Array.from(values), greyTable(window));
    return [...new Uint8Array(into.buffer)].filter((_, n) => n % 4 === 0);
  };

  it("rise from black to white across the window", () => {
    expect(shown([-70, 80, 230], { level: 80, width: 300 })).toEqual([0, 128, 255]);
    expect(shown([79, 80, 81], { level: 80, width: 1 })).toEqual([0, 128, 255]);
  });

  it("are black where nothing was measured and white beyond the table", () => {
    expect(shown([-32768, -5000, 32767], { level: 80, width: 300 })).toEqual([0, 0, 255]);
  });
});
