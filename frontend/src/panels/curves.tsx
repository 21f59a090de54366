/** Enhancement over time: vessels, healthy liver, the selected lesion with its fit, and the point looked at. */

import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { number, t } from "../i18n";
import { nameOf } from "../regions/names";
import { kindOf, VESSELS } from "../regions/types";
import { first, language } from "../state";
import { fixed } from "./format";
import { PART_ORDER } from "./forms";
import { figures, REFERENCE } from "./numbers";
import { Plot } from "./plot";
import { axisOf, nearestPass, onAxis } from "./series";
import { baselinePasses, fitAtPoint, followPoint, off, part, pointing, radius, shown, shownLesion } from "./shown";

/** Whether a curve on show is not yet of the regions as drawn. */
function waits(): boolean {
  const waiting = figures.waiting.value;
  return figures.live.value !== null && (waiting.has(REFERENCE) || (shownLesion.value !== null && waiting.has(shownLesion.value)));
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
      <figcaption>{waits() ? t("results.waits") : t(baselinePasses.value === null ? "curves.axisMeasured" : "curves.axis")}</figcaption>
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
  const vessels = shown.value.map((one) => one.key).filter((key) => (VESSELS as readonly string[]).includes(kindOf(key)));
  const tissueOnly = vessels.length > 0 && vessels.every((key) => off.value.has(key));
  const tissue = (): void => {
    const rest = [...off.value].filter((key) => !vessels.includes(key));
    off.value = new Set(tissueOnly ? rest : [...rest, ...vessels]);
  };
  return (
    <div class="legend" role="group" aria-label={t("curves.legend")}>
      {shown.value.map((one) => (
        <button type="button" key={one.key} aria-pressed={!off.value.has(one.key)} onClick={() => toggle(one.key)}>
          <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" fill={one.colour} /></svg> {one.label}
        </button>
      ))}
      {vessels.length > 0 && <button type="button" class="tissue" data-act="tissue" aria-pressed={tissueOnly} onClick={tissue}>{t("curves.tissue")}</button>}
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
                  {values.map((column, n) => <td key={list[n]!.key}>{fixed(column[row], 1, language.value)}</td>)}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Quality() {
  const lesion = figures.live.value?.lesions.find((one) => one.id === shownLesion.value);
  const measured = lesion?.parts[part.value];
  if (lesion === undefined || measured === undefined) return null;
  const delays = measured.delays_s ?? {};
  return (
    <p class="quality">
      {t("pair", { what: nameOf(lesion.id), value: `R² ${number(measured.r2, 3)}` })} · {t("curves.residualSd")} {number(measured.residual_sd, 2)} {t("unit.hu")} · AIC {number(measured.aic, 1)}
      {delays.arterial !== undefined && ` · ${t("curves.delayArterial")} ${number(delays.arterial, 1)} s`}
      {delays.portal !== undefined && ` · ${t("curves.delayPortal")} ${number(delays.portal, 1)} s`}
    </p>
  );
}

export function CurvesPanel() {
  const lesion = shownLesion.value;
  const { cursor, series, model } = figures.live.value ?? {};
  const old = waits();
  const other = part.value !== "whole" && part.value !== "vascular";
  useEffect(() => {
    // Rim, core and surround are asked while they are on show, once a state.
    if (lesion !== null && other && !old) void figures.parts(lesion);
  }, [lesion, other, old, cursor, series, model]);
  return (
    <div class={old ? "curves-panel waits" : "curves-panel"} aria-busy={old}>
      {figures.live.value === null && <p class="note">{figures.busy.value ? t("results.computing") : t("curves.noNumbers")}</p>}
      <Legend />
      <Plots />
      <Quality />
      <div class="row">
        {lesion !== null && (
          <label>
            {t("curves.part")}
            <select value={part.value} onChange={(event) => (part.value = event.currentTarget.value)}>
              {PART_ORDER.map((one) => <option key={one} value={one}>{t(`part.${one}`)}</option>)}
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
