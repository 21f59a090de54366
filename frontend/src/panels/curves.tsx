/** Enhancement over time: vessels, healthy liver, the selected lesion with its fit, and the point looked at. */

import { computed, effect, signal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { ApiError, get, type Voxel } from "../api";
import { number, t } from "../i18n";
import { drawnOf } from "../regions/desk";
import { nameOf } from "../regions/names";
import { first, language, region as selected } from "../state";
import { fromPlane } from "../view/geometry";
import { panes } from "../view/pane";
import { figures } from "./numbers";
import type { Curve } from "./forms";
import { axisOf, baselineSpan, curvePart, enhancement, nearestPass, onAxis, seriesOf, type Series } from "./series";

const CURSOR = "cursor";
const CURSOR_COLOUR = "#ffffff";
/** Between two curves asked at the point looked at. */
const PAUSE_MS = 90;

const off: Signal<ReadonlySet<string>> = signal(new Set());
const part: Signal<string> = signal("whole");
const point: Signal<Series | null> = signal(null);
const fitAtPoint = signal(false);
const radius: Signal<number> = signal(0);
/** Whether the curve follows the pointer over the images; else it stays with the crosshair. */
const pointing = signal(false);

/** The voxel whose curve is shown: under the pointer if that is followed and over an image, else at the crosshair. */
function pointNow(): Voxel {
  if (pointing.value) {
    for (const pane of panes.value) {
      const pixel = pane.visit === first ? pane.pointed.value : null;
      const plane = pane.shape();
      if (pixel !== null && plane !== null) return fromPlane(plane, [pane.index.value, ...pixel]);
    }
  }
  return first.cross.value;
}

/** The lesion whose curve is shown: the selected region if it is one, else the first with numbers. */
export const shownLesion = computed(() => {
  const lesions = figures.live.value?.lesions ?? [];
  return lesions.find((one) => one.id === selected.value)?.id ?? (selected.value === null ? lesions[0]?.id : undefined) ?? null;
});

const shown = computed((): Series[] => {
  void language.value;
  const drawn = drawnOf(first);
  const look = { label: nameOf, colour: (key: string) => drawn.colour(key) };
  const list = seriesOf(figures.live.value, shownLesion.value, part.value, look);
  return point.value === null ? list : [...list, { ...point.value, label: t("curves.cursor") }];
});

interface PointCurve extends Curve {
  /** What the fit's answer holds: the curve it was fitted to. */
  readonly curve?: Curve;
}

/** Follows the crosshair with the curve of its voxel; the newest question wins. Returns the way to stop. */
function followPoint(): () => void {
  let timer = 0;
  let running: AbortController | null = null;
  const ask = async (study: string, at: string, set: string, withFit: boolean, mm: number): Promise<void> => {
    running?.abort();
    const mine = (running = new AbortController());
    try {
      const answer = await get<PointCurve>(`/studies/${study}/curve?at=${at}&set=${set}&radius_mm=${mm}`, { signal: mine.signal });
      if (mine.signal.aborted) return;
      const series: Series = { key: CURSOR, label: CURSOR, colour: CURSOR_COLOUR, times_s: answer.times_s, hu: enhancement(answer.hu, answer.baseline_hu) };
      point.value = series;
      if (!withFit) return;
      const fitted = await get<PointCurve>(`/studies/${study}/curve/fit?at=${at}`, { signal: mine.signal });
      const found = curvePart(fitted.curve ?? fitted);
      if (!mine.signal.aborted && found !== null) point.value = { ...series, ...found };
    } catch (error) {
      // Outside the body there is no curve; the plot then shows the regions alone.
      if (error instanceof ApiError) point.value = null;
      else if (!(error instanceof DOMException)) throw error;
    }
  };
  const stop = effect(() => {
    const study = first.id.value;
    const at = pointNow().map((value) => Math.round(value)).join(",");
    const [set, withFit, mm] = [first.set.value, fitAtPoint.value, radius.value];
    window.clearTimeout(timer);
    if (study === null || first.images.value === null) return;
    timer = window.setTimeout(() => void ask(study, at, set, withFit, mm), PAUSE_MS);
  });
  return () => {
    stop();
    window.clearTimeout(timer);
    running?.abort();
  };
}

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
class Plot {
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

function Plots() {
  const place = useRef<HTMLDivElement>(null);
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const main = new Plot(place.current!, 270, false);
    const below = new Plot(strip.current!, 90, true);
    const width = signal(Math.max(200, place.current!.clientWidth));
    const observer = new ResizeObserver(([entry]) => (width.value = Math.max(200, entry!.contentRect.width)));
    observer.observe(place.current!);
    let frame = 0;
    const stopData = effect(() => {
      const list = shown.value.filter((one) => !off.value.has(one.key));
      const wide = width.value;
      void language.value;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        main.update(list, wide);
        below.update(list, wide);
      });
    });
    const stopPass = effect(() => {
      void [first.pass.value, first.images.value, figures.live.value];
      main.redraw();
      below.redraw();
    });
    const stopPoint = followPoint();
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      for (const stop of [stopData, stopPass, stopPoint]) stop();
      main.destroy();
      below.destroy();
    };
  }, []);
  const residual = shown.value.some((one) => one.residual && !off.value.has(one.key));
  return (
    <figure class="plots">
      <figcaption>{t("curves.axis")}</figcaption>
      <div ref={place} class="plot" role="img" aria-label={t("curves.label")} />
      <figcaption hidden={!residual}>{t("curves.residual")}</figcaption>
      <div ref={strip} class="plot" role="img" aria-label={t("curves.residual")} hidden={!residual} />
    </figure>
  );
}

function Legend() {
  const toggle = (key: string): void => {
    const next = new Set(off.value);
    if (!next.delete(key)) next.add(key);
    off.value = next;
  };
  return (
    <div class="legend" role="group" aria-label={t("curves.legend")}>
      {shown.value.map((one) => (
        <button type="button" key={one.key} aria-pressed={!off.value.has(one.key)} onClick={() => toggle(one.key)}>
          <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" fill={one.colour} /></svg> {one.label}
        </button>
      ))}
    </div>
  );
}

function Table() {
  const images = first.images.value;
  const list = shown.value.filter((one) => !off.value.has(one.key));
  if (images === null || list.length === 0) return null;
  const axis = axisOf(list);
  const values = list.map((one) => onAxis(axis, one.times_s, one.hu));
  return (
    <details class="table-instead">
      <summary>{t("curves.table")}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("curves.table")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("curves.time")}</th>
              {list.map((one) => <th scope="col" key={one.key}>{one.label}</th>)}
            </tr>
          </thead>
          <tbody>
            {axis.map((time, row) => {
              const pass = nearestPass(images.times_s, time);
              return (
                <tr key={time} class={pass === first.pass.value ? "now" : ""}>
                  <th scope="row">
                    <button type="button" class="link" aria-current={pass === first.pass.value ? "true" : undefined} onClick={() => (first.pass.value = pass)}>{number(time, 1)} s</button>
                  </th>
                  {values.map((column, n) => <td key={list[n]!.key}>{number(column[row], 1)}</td>)}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </details>
  );
}

const SHOWN_PARTS = ["whole", "vascular", "rim", "core", "surround"] as const;

function Quality() {
  const lesion = figures.live.value?.lesions.find((one) => one.id === shownLesion.value);
  const measured = lesion?.parts[part.value];
  if (lesion === undefined || measured === undefined) return null;
  const delays = measured.delays_s ?? {};
  return (
    <p class="quality">
      {nameOf(lesion.id)}: R² {number(measured.r2, 3)} · {t("curves.residualSd")} {number(measured.residual_sd, 2)} HU · AIC {number(measured.aic, 1)}
      {delays.arterial !== undefined && ` · ${t("curves.delayArterial")} ${number(delays.arterial, 1)} s`}
      {delays.portal !== undefined && ` · ${t("curves.delayPortal")} ${number(delays.portal, 1)} s`}
    </p>
  );
}

export function CurvesPanel() {
  const lesion = shownLesion.value;
  const choose = (next: string): void => {
    part.value = next;
    if (lesion !== null && next !== "whole" && next !== "vascular") void figures.parts(lesion);
  };
  return (
    <div class="curves-panel">
      {figures.live.value === null && <p class="note">{figures.busy.value ? t("results.computing") : t("curves.noNumbers")}</p>}
      <Legend />
      <Plots />
      <Quality />
      <div class="row">
        {lesion !== null && (
          <label>
            {t("curves.part")}
            <select value={part.value} onChange={(event) => choose(event.currentTarget.value)}>
              {SHOWN_PARTS.map((one) => <option key={one} value={one}>{t(`part.${one}`)}</option>)}
            </select>
          </label>
        )}
        <label>
          {t("curves.around")}
          <select value={radius.value} onChange={(event) => (radius.value = Number(event.currentTarget.value))}>
            {[0, 2, 5, 10].map((mm) => <option key={mm} value={mm}>{mm === 0 ? t("curves.oneVoxel") : `${mm} mm`}</option>)}
          </select>
        </label>
        <label class="check"><input type="checkbox" checked={pointing.value} onChange={(event) => (pointing.value = event.currentTarget.checked)} /> {t("curves.pointing")}</label>
        <label class="check"><input type="checkbox" checked={fitAtPoint.value} onChange={(event) => (fitAtPoint.value = event.currentTarget.checked)} /> {t("curves.fitPoint")}</label>
      </div>
      <Table />
    </div>
  );
}
