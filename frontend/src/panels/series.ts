/** Curves put together on one time axis, for the plot and for its table. */

import type { Curve, Numbers } from "./forms";

type Values = readonly (number | null)[];

export interface Series {
  readonly key: string;
  readonly label: string;
  readonly colour: string;
  readonly times_s: readonly number[];
  readonly hu: Values;
  readonly fit?: Values | null;
  readonly low?: Values | null;
  readonly high?: Values | null;
  readonly residual?: Values | null;
}

/** Every time of the series once, in order; times closer than a millisecond are one. */
export function axisOf(all: readonly Pick<Series, "times_s">[]): number[] {
  const sorted = all.flatMap((one) => [...one.times_s]).sort((a, b) => a - b);
  return sorted.filter((time, n) => n === 0 || time - sorted[n - 1]! > 1e-3);
}

/** Values of one series on the common axis; null where it has none. */
export function onAxis(axis: readonly number[], times_s: readonly number[], values: Values | null | undefined): (number | null)[] {
  const found: (number | null)[] = axis.map(() => null);
  if (!values) return found;
  let at = 0;
  times_s.forEach((time, n) => {
    while (at < axis.length - 1 && axis[at]! < time - 1e-3) at += 1;
    const value = values[n];
    if (value !== null && value !== undefined && Number.isFinite(value) && Math.abs(axis[at]! - time) <= 1e-3) found[at] = value;
  });
  return found;
}

/** Enhancement of a curve in HU: what is over its own baseline. */
export function enhancement(hu: Values, baseline: number | null | undefined): (number | null)[] {
  return hu.map((value) => (value === null || baseline === null || baseline === undefined ? value : value - baseline));
}

/** Mean of a curve over the passes before the contrast, told as a number of passes or as a list of them; null where none has a value. */
export function baselineOf(hu: Values, passes: number | readonly number[] | null | undefined): number | null {
  const head = (typeof passes === "number" ? hu.slice(0, passes) : (passes ?? []).map((pass) => hu[pass])).filter((value): value is number => value != null);
  return head.length === 0 ? null : head.reduce((sum, value) => sum + value, 0) / head.length;
}

/** A region's curve, which comes in raw HU, as enhancement. */
export function curvePart(curve: Curve | null | undefined): Pick<Series, "times_s" | "hu" | "fit" | "low" | "high" | "residual"> | null {
  if (!curve) return null;
  const over = (values: Values | null | undefined) => (values ? enhancement(values, curve.baseline_hu) : null);
  return { times_s: curve.times_s, hu: enhancement(curve.hu, curve.baseline_hu), fit: over(curve.fit), low: over(curve.low), high: over(curve.high), residual: curve.residual ?? null };
}

export interface Look {
  readonly label: (key: string) => string;
  readonly colour: (key: string) => string;
}

/** Aorta, portal vein, healthy liver and one lesion of the live numbers. */
export function seriesOf(numbers: Numbers | null, lesion: string | null, partKey: string, look: Look): Series[] {
  if (numbers === null) return [];
  const named = (key: string, rest: Omit<Series, "key" | "label" | "colour">): Series => ({ key, label: look.label(key), colour: look.colour(key), ...rest });
  const found = [named("aorta", { times_s: numbers.inputs.times_s, hu: numbers.inputs.aorta })];
  if (numbers.inputs.portal) found.push(named("portal_vein", { times_s: numbers.inputs.times_s, hu: numbers.inputs.portal }));
  const healthy = curvePart(numbers.healthy?.curve);
  if (healthy !== null) found.push(named("healthy", healthy));
  const chosen = curvePart(numbers.lesions.find((one) => one.id === lesion)?.parts[partKey]?.curve);
  if (chosen !== null && lesion !== null) found.push(named(lesion, chosen));
  return found;
}

/** The pass whose time is nearest. */
export function nearestPass(times_s: readonly number[], time: number): number {
  let best = 0;
  times_s.forEach((one, n) => {
    if (Math.abs(one - time) < Math.abs(times_s[best]! - time)) best = n;
  });
  return best;
}

/** First and last time before the contrast, told as a number of passes or as a list of them; null without any. */
export function baselineSpan(times_s: readonly number[], passes: number | readonly number[] | null | undefined): [number, number] | null {
  const list = typeof passes === "number" ? times_s.slice(0, passes) : (passes ?? []).flatMap((pass) => times_s[pass] ?? []);
  return list.length === 0 ? null : [Math.min(...list), Math.max(...list)];
}
