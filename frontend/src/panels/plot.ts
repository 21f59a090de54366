/** A plot of curves over time, its baseline shaded and the pass on the screen marked; a click goes to a pass. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { first, language } from "../state";
import { kindOf, VESSELS } from "../regions/types";
import { axisOf, baselineSpan, nearestPass, onAxis, type Series } from "./series";
import { baselinePasses, CURSOR } from "./shown";

const AXIS: uPlot.Axis = { stroke: "#c7d0da", grid: { stroke: "#2b333c", width: 1 }, ticks: { stroke: "#2b333c" }, font: "12px system-ui" };

/** Vessels enhance ten times as much as tissue: on one scale its curve, fit and interval would lie flat. */
const VESSEL = "vessels";
const RIGHT_SIZE = 44;

function scaleOf(key: string): string {
  return (VESSELS as readonly string[]).includes(kindOf(key)) ? VESSEL : "y";
}

/** Time and HU, vessels on the right; the strip below the main plot leaves its times out and keeps the width. */
function axes(strip: boolean, vessels: boolean): uPlot.Axis[] {
  if (strip) return [{ ...AXIS, size: 10, values: (_, splits) => splits.map(() => "") }, { ...AXIS, size: 48, space: 18 }, { ...AXIS, side: 1, size: RIGHT_SIZE, values: () => [], grid: { show: false }, ticks: { show: false } }];
  // Without vessels the right scale has no meaning, and keeps its place.
  const empty: uPlot.Axis = { ...AXIS, values: () => [], ticks: { show: false } };
  return [{ ...AXIS, size: 34 }, { ...AXIS, size: 48 }, { ...(vessels ? AXIS : empty), scale: VESSEL, side: 1, size: RIGHT_SIZE, grid: { show: false } }];
}

/** The tissue scale holds the regions' curves with their intervals; a single voxel's noise may reach beyond it by half their span. */
export function tissueRange(list: readonly Series[]): [number, number] {
  const of = (all: readonly Series[]) => all.flatMap((one) => [one.hu, one.fit, one.low, one.high].flatMap((values) => values ?? [])).filter((value): value is number => value !== null && Number.isFinite(value));
  const tissue = list.filter((one) => scaleOf(one.key) === "y");
  const regions = of(tissue.filter((one) => one.key !== CURSOR));
  const voxel = of(tissue.filter((one) => one.key === CURSOR));
  if (regions.length === 0) return voxel.length === 0 ? [0, 1] : [Math.min(...voxel), Math.max(...voxel)];
  const [low, high] = [Math.min(...regions), Math.max(...regions)];
  const reach = 0.5 * (high - low || 1);
  return [Math.max(low - reach, Math.min(low, ...voxel)), Math.min(high + reach, Math.max(high, ...voxel))];
}

/** Behind everything: the baseline passes as a band. */
function baseline(plot: uPlot): void {
  const { ctx, bbox } = plot;
  const times = first.images.value?.times_s ?? [];
  const span = baselineSpan(times, baselinePasses.value);
  ctx.save();
  if (span !== null) {
    const [from, to] = [plot.valToPos(span[0], "x", true), plot.valToPos(span[1], "x", true)];
    ctx.fillStyle = "rgba(120, 150, 180, 0.22)";
    ctx.fillRect(from - 3, bbox.top, to - from + 6, bbox.height);
  }
  ctx.restore();
}

/** Over the grid, behind the curves: a line at the pass on the screen. */
function nowLine(plot: uPlot): void {
  const { ctx, bbox } = plot;
  const now = first.images.value?.times_s[first.pass.value];
  ctx.save();
  if (now !== undefined) {
    const x = plot.valToPos(now, "x", true);
    ctx.strokeStyle = "#ffd54a";
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** The vessels' scale has its zero where the tissue scale has it. */
export function vesselRange(list: readonly Series[]): [number, number] {
  const values = list.filter((one) => scaleOf(one.key) === VESSEL).flatMap((one) => one.hu.filter((value): value is number => value !== null && Number.isFinite(value)));
  const [low, high] = padded(tissueRange(list));
  if (values.length === 0) return [0, 1];
  const top = 1.06 * Math.max(1, ...values);
  // Without tissue above zero there is no zero to share.
  return high <= 0 ? [Math.min(0, ...values), top] : [Math.min(1.06 * Math.min(0, ...values), (top * low) / high), top];
}

function padded([low, high]: readonly [number, number]): [number, number] {
  const pad = 0.06 * (high - low || 1);
  return [low - pad, high + pad];
}

interface Column {
  readonly label: string;
  readonly values: (number | null)[];
  readonly options: uPlot.Series;
}

function columns(axis: readonly number[], list: readonly Series[]): { columns: Column[]; bands: uPlot.Band[] } {
  const found: Column[] = [];
  const bands: uPlot.Band[] = [];
  for (const series of list) {
    const scale = scaleOf(series.key);
    const on = (values: readonly (number | null)[] | null | undefined) => onAxis(axis, series.times_s, values);
    if (series.high && series.low) {
      const hidden: uPlot.Series = { scale, stroke: "transparent", width: 0, points: { show: false }, spanGaps: true };
      found.push({ label: `${series.key} high`, values: on(series.high), options: hidden }, { label: `${series.key} low`, values: on(series.low), options: hidden });
      bands.push({ series: [found.length - 1, found.length], fill: `${series.colour}38` });
    }
    const fitted = Boolean(series.fit);
    found.push({
      label: series.label,
      values: on(series.hu),
      options: { scale, stroke: series.colour, width: fitted ? 0 : scale === VESSEL || series.key === CURSOR ? 1 : 1.5, spanGaps: true, points: { show: true, size: series.key === CURSOR || scale === VESSEL ? 4 : 6, stroke: series.colour, fill: fitted ? "#0d1116" : series.colour } },
    });
    if (series.fit) found.push({ label: `${series.key} fit`, values: on(series.fit), options: { scale, stroke: series.colour, width: 2, spanGaps: true, points: { show: false } } });
  }
  return { columns: found, bands };
}

/** Draws a plot into an element and keeps its data fresh; made anew only when its series change. */
export class Plot {
  #plot: uPlot | null = null;
  #made = "";
  #shown: readonly Series[] = [];

  constructor(private readonly element: HTMLElement, private readonly height: number, private readonly residuals: boolean) {}

  update(list: readonly Series[], width: number): void {
    const series = this.residuals ? list.filter((one) => one.residual).map((one): Series => ({ key: one.key, label: one.label, colour: one.colour, times_s: one.times_s, hu: one.residual! })) : list;
    const all = axisOf(list);
    this.#shown = list;
    const { columns: found, bands } = columns(all, series);
    const shape = JSON.stringify([found.map((one) => [one.label, one.options.stroke]), bands.length, language.value]);
    const data = [all, ...found.map((one) => one.values)] as uPlot.AlignedData;
    if (this.#plot === null || this.#made !== shape) {
      this.#plot?.destroy();
      this.#made = shape;
      const options: uPlot.Options = {
        width, height: this.height, legend: { show: false }, cursor: { drag: { x: false, y: false }, sync: { key: "curves" }, points: { size: 7 } },
        scales: { x: { time: false }, ...(this.residuals ? {} : { y: { range: () => padded(tissueRange(this.#shown)) }, [VESSEL]: { range: () => vesselRange(this.#shown) } }) }, axes: axes(this.residuals, series.some((one) => scaleOf(one.key) === VESSEL)), series: [{}, ...found.map((one) => one.options)], bands, hooks: { drawClear: [baseline], drawAxes: [nowLine] },
      };
      this.#plot = new uPlot(options, data, this.element);
      this.#plot.over.addEventListener("click", (event) => this.#clicked(event));
      return;
    }
    if (this.#plot.width !== width) this.#plot.setSize({ width, height: this.height });
    this.#plot.setData(data);
  }

  redraw(): void {
    this.#plot?.redraw(false);
  }

  #clicked(event: MouseEvent): void {
    const times = first.images.value?.times_s;
    if (this.#plot === null || times === undefined) return;
    first.pass.value = nearestPass(times, this.#plot.posToVal(event.offsetX, "x"));
  }

  destroy(): void {
    this.#plot?.destroy();
    this.#plot = null;
  }
}
