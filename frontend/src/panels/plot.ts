/** A plot of curves over time, its baseline shaded and the pass on the screen marked; a click goes to a pass. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { first, language } from "../state";
import { figures } from "./numbers";
import { axisOf, baselineSpan, nearestPass, onAxis, type Series } from "./series";
import { CURSOR } from "./shown";

const AXIS: uPlot.Axis = { stroke: "#c7d0da", grid: { stroke: "#2b333c", width: 1 }, ticks: { stroke: "#2b333c" }, font: "12px system-ui" };

/** Time and HU; the strip below the main plot leaves its times out. */
function axes(strip: boolean): uPlot.Axis[] {
  const time: uPlot.Axis = strip ? { ...AXIS, size: 10, values: (_, splits) => splits.map(() => "") } : { ...AXIS, size: 34 };
  return [time, { ...AXIS, size: 48 }];
}

/** Behind everything: the baseline passes as a band. */
function baseline(plot: uPlot): void {
  const { ctx, bbox } = plot;
  const times = first.images.value?.times_s ?? [];
  const span = baselineSpan(times, figures.live.value?.inputs.baseline_passes ?? first.images.value?.baseline_passes);
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

interface Column {
  readonly label: string;
  readonly values: (number | null)[];
  readonly options: uPlot.Series;
}

function columns(axis: readonly number[], list: readonly Series[]): { columns: Column[]; bands: uPlot.Band[] } {
  const found: Column[] = [];
  const bands: uPlot.Band[] = [];
  for (const series of list) {
    const on = (values: readonly (number | null)[] | null | undefined) => onAxis(axis, series.times_s, values);
    if (series.high && series.low) {
      const hidden: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false }, spanGaps: true };
      found.push({ label: `${series.key} high`, values: on(series.high), options: hidden }, { label: `${series.key} low`, values: on(series.low), options: hidden });
      bands.push({ series: [found.length - 1, found.length], fill: `${series.colour}38` });
    }
    const fitted = Boolean(series.fit);
    found.push({
      label: series.label,
      values: on(series.hu),
      options: { stroke: series.colour, width: fitted ? 0 : 1.5, spanGaps: true, points: { show: true, size: series.key === CURSOR ? 4 : 6, stroke: series.colour, fill: fitted ? "#0d1116" : series.colour } },
    });
    if (series.fit) found.push({ label: `${series.key} fit`, values: on(series.fit), options: { stroke: series.colour, width: 2, spanGaps: true, points: { show: false } } });
  }
  return { columns: found, bands };
}

/** Draws a plot into an element and keeps its data fresh; made anew only when its series change. */
export class Plot {
  #plot: uPlot | null = null;
  #made = "";

  constructor(private readonly element: HTMLElement, private readonly height: number, private readonly residuals: boolean) {}

  update(list: readonly Series[], width: number): void {
    const series = this.residuals ? list.filter((one) => one.residual).map((one): Series => ({ key: one.key, label: one.label, colour: one.colour, times_s: one.times_s, hu: one.residual! })) : list;
    const all = axisOf(list);
    const { columns: found, bands } = columns(all, series);
    const shape = JSON.stringify([found.map((one) => [one.label, one.options.stroke]), bands.length, language.value]);
    const data = [all, ...found.map((one) => one.values)] as uPlot.AlignedData;
    if (this.#plot === null || this.#made !== shape) {
      this.#plot?.destroy();
      this.#made = shape;
      const options: uPlot.Options = {
        width, height: this.height, legend: { show: false }, cursor: { drag: { x: false, y: false }, sync: { key: "curves" }, points: { size: 7 } },
        scales: { x: { time: false } }, axes: axes(this.residuals), series: [{}, ...found.map((one) => one.options)], bands, hooks: { drawClear: [baseline], drawAxes: [nowLine] },
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
