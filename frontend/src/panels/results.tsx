/** The lesion table: ratio with its interval, probability of a major response, size and remarks; live and as analysed. */

import { signal, type Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { send } from "../api";
import { number, t } from "../i18n";
import { saying } from "../i18n/errors";
import { JobLine } from "../list/job";
import { attempt, choose, chosen, drawnOf, serverThere } from "../regions/desk";
import { nameOf } from "../regions/names";
import { show } from "../regions/panel";
import { first, language, mayEdit, words } from "../state";
import { Compare } from "./compare";
import { decimals, fixed, interval, sided, withSd } from "./format";
import { rowOfLive, rowOfResult, shownRatio, type Rated, type Ratio, type Row } from "./forms";
import { figures, REFERENCE } from "./numbers";
import { Bar, BarKey, Parameters, Scale } from "./parameters";
import { Criteria, Doubt, Identity } from "./visits";
import { WhoseVisit } from "./whose";
import { atFirstVisit, flagText, Flags, quantity, sideOf } from "./wording";

const open: Signal<ReadonlySet<string>> = signal(new Set());

function unfold(row: Row): void {
  const next = new Set(open.value);
  if (!next.delete(row.id)) {
    next.add(row.id);
  }
  open.value = next;
}

function verdict({ response, rating }: Rated): string {
  const { category } = response;
  return atFirstVisit() && (category === "major" || category === "minor") ? sideOf(category) : rating.category;
}

/** Ratio, interval and what they mean: two cells. */
function Verdict({ rated, ratio, lesion, whole, was, waits }: { rated: Rated | null; ratio: Ratio | null; lesion: string; whole: Ratio | null; was: number | null; waits: boolean }) {
  const colour = drawnOf(first).colour(lesion);
  return (
    <>
      <td class="ratio" data-part={rated?.response.region ?? "whole"} data-ratio={ratio?.value ?? ""} data-whole-ratio={whole?.value ?? ""}>
        <strong>{sided(ratio?.value, rated?.response.threshold ?? null, language.value)}</strong>{waits && <span role="img" aria-label={t("results.waits")} title={t("results.waits")}>…</span>} {ratio !== null && <span class="ci">{interval(ratio.ci95, 2, language.value)}</span>}
        <Bar ratio={ratio} threshold={rated?.response.threshold ?? null} colour={colour} />
        {was !== null && <small class="before">{t("results.analysedWas", { ratio: fixed(was, 2, language.value) })}</small>}
      </td>
      <td>
        {rated === null ? t("response.none") : <span class={rated.rating.settled ? "settled" : ""}>{verdict(rated)}</span>}
        {rated !== null && rated.response.probability_major !== null && <small class="p">{t(atFirstVisit() ? "results.below" : "results.major")} {rated.rating.probability}</small>}
      </td>
    </>
  );
}

function LesionRow({ row, analysed }: { row: Row; analysed: Row | null }) {
  const [main, ...others] = row.rated;
  const unfolded = open.value.has(row.id);
  const ratio = shownRatio(row);
  // What criteria of size read instead of the outline's diameter.
  const caliper = drawnOf(first).get(row.id)?.caliper;
  const before = analysed === null ? null : (shownRatio(analysed)?.value ?? null);
  const differs = row.live && before !== null && fixed(before, 2, "en") !== fixed(ratio?.value, 2, "en");
  const flags = [...new Set([...row.flags, ...row.rated.flatMap((one) => one.response.flags ?? [])])];
  const selected = chosen(first) === row.id;
  const look = `${selected ? "chosen" : ""} ${row.waits ? "waits" : ""}`;
  const lookAtIt = (): void => {
    choose(first, row.id);
    show(first, row.id);
  };
  return (
    <>
      <tr data-lesion={row.id} class={look} aria-busy={row.waits}>
        <th scope="row">
          <button type="button" class="link" aria-pressed={selected} onClick={lookAtIt}>
            <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" fill={drawnOf(first).colour(row.id)} /></svg> {nameOf(row.id)}
          </button>
          {main !== undefined && (others.length > 0 || main.response.region !== "whole") && <small class="part-name">{main.rating.part}</small>}
        </th>
        <Verdict rated={main ?? null} ratio={ratio} lesion={row.id} whole={row.bf} was={differs ? before : null} waits={row.waits} />
        <td>{number(row.diameter_mm, 0)} mm{caliper != null ? <small data-caliper title={t("results.caliperReads")}>{t("results.caliper", { long: number(caliper.long_mm, 1), short: number(caliper.short_mm, 1) })}</small> : <br />}{number(row.volume_ml, decimals(row.volume_ml, 1))} mL</td>
        <td><button type="button" class="more" aria-expanded={unfolded} aria-label={t("results.unfold", { name: nameOf(row.id) })} onClick={() => unfold(row)}>{unfolded ? "▾" : "▸"}</button></td>
      </tr>
      {others.map((one) => (
        <tr key={`${one.response.criterion} ${one.response.region}`} class={`also ${look}`}>
          <th scope="row"><small class="part-name">{one.rating.part}</small></th>
          <Verdict rated={one} ratio={one.response.ratio ?? null} lesion={row.id} whole={row.bf} was={null} waits={row.waits} />
          <td colSpan={2} />
        </tr>
      ))}
      {flags.length > 0 && (
        <tr class={`flag-row ${row.waits ? "waits" : ""}`}><td colSpan={5}><Flags codes={flags} /></td></tr>
      )}
      {unfolded && <tr class="unfolded"><td colSpan={5}><Parameters row={row} /><Compare lesion={row.id} /></td></tr>}
    </>
  );
}

function Analyse() {
  const study = first.study.value;
  const job = study?.job ?? null;
  const running = job !== null && job.kind === "analyze" && (job.state === "running" || job.state === "waiting");
  const stale = study?.stale ?? false;
  const analysed = study?.analysis != null;
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (running || !stale) setAsked(false);
  }, [running, stale]);
  const start = async (): Promise<void> => {
    setAsked(true);
    const model = figures.model.value === null ? {} : { model: figures.model.value };
    // Motion stays as it was corrected before, so that it is not computed again.
    const made = figures.results.value?.made;
    const before = typeof made === "object" && made !== null ? made.motion : undefined;
    const motion = before === "deformable" || before === "rigid" || before === "none" ? { motion: before } : {};
    if (!(await attempt(() => send("POST", `/studies/${first.id.value}/analyze`, { ...model, ...motion })))) setAsked(false);
  };
  if (running) return <JobLine job={job} />;
  return (
    <div class={stale || !analysed ? "stale" : "row"}>
      {!analysed ? <p>{t("results.notYet")}</p> : stale ? <p role="alert">{t("results.stale")}</p> : null}
      {mayEdit.value && <button type="button" data-act="analyse" disabled={asked || Boolean(study?.signed)} onClick={() => void start()}>{stale || !analysed ? t("results.analyse") : t("results.again")}</button>}
    </div>
  );
}

/** Rows of the table: live where there are live numbers, the last analysis else. */
function rows(): { row: Row; analysed: Row | null }[] {
  const results = figures.results.value;
  const live = figures.live.value;
  const waiting = figures.waiting.value;
  const analysed = new Map((results?.lesions ?? []).map((lesion) => [lesion.id, rowOfResult(lesion)]));
  if (live === null) return [...analysed.values()].map((row) => ({ row: { ...row, waits: waiting.has(row.id) }, analysed: row }));
  return live.lesions.map(rowOfLive).map((row) => {
    const waits = waiting.has(row.id);
    const before = analysed.get(row.id) ?? null;
    // Rim, core and surround come from the analysis until they are asked live.
    const parts = before !== null && !waits && !(results?.stale ?? true) && results?.model === live.model ? { ...before.parts, ...row.parts } : row.parts;
    return { row: { ...row, parts, waits }, analysed: before };
  });
}

const MOVING = "motion-not-corrected";

/** Where the numbers come from, and whether they are of what is on the screen. */
function Source({ moving }: { moving: boolean }) {
  const live = figures.live.value;
  const unsaved = drawnOf(first).waiting.value.length > 0;
  if (live !== null && (unsaved || !serverThere.value)) {
    return <span class="source warn" role="status">{unsaved ? t("results.outlineBefore") : t("results.serverAway")}</span>;
  }
  const text = figures.busy.value ? t("results.computing") : live !== null ? t("results.live", { s: number(figures.lastWait_ms.value / 1000, 1) }) : figures.results.value !== null ? t("results.analysed") : "";
  return <span class={`source ${live === null ? "kept" : "live"} ${moving ? "moving" : ""}`}>{text}</span>;
}

export function ResultsPanel() {
  const live = figures.live.value;
  const results = figures.results.value;
  const model = figures.model.value ?? live?.model ?? results?.model ?? "";
  const list = rows();
  const threshold = list.find(({ row }) => row.rated[0] !== undefined)?.row.rated[0]?.response.threshold ?? null;
  const flags = new Set([...(live?.flags ?? results?.flags ?? []), ...(live?.inputs.flags ?? [])]);
  // Said above the numbers, not below them.
  const moving = flags.delete(MOVING);
  const kept = results?.healthy?.bf as { value: number | null; sd: number | null } | undefined;
  // The analysis may be of another model than the one chosen, which may have no blood flow.
  const healthy = live === null ? kept : live.healthy?.parameters.bf;
  return (
    <div class="results-panel" aria-busy={figures.busy.value}>
      <WhoseVisit />
      <div class="row">
        <label>
          {t("results.model")}
          <select data-act="model" value={model} onChange={(event) => ((figures.model.value = event.currentTarget.value), figures.ask())}>
            {!(model in (words.value?.models ?? {})) && <option value={model}>{model === "" ? t("analyse.model.default") : model}</option>}
            {Object.entries(words.value?.models ?? {}).map(([key, one]) => <option key={key} value={key}>{one.name}</option>)}
          </select>
        </label>
        <Source moving={moving} />
      </div>
      {moving && <p class="warn caution" role="note">{flagText(MOVING)}</p>}
      {figures.failure.value !== null && <p class="warn" role="alert">{saying(figures.failure.value)}</p>}
      <Analyse />
      {healthy !== undefined && <p class={figures.waiting.value.has(REFERENCE) ? "waits" : ""}>{t("results.healthy")} {withSd(healthy.value, healthy.sd, language.value)} {quantity("bf").unit.replaceAll(" ", "\u00a0")}</p>}
      {list.length > 0 && atFirstVisit() && <p class="note first-visit" role="note">{t("results.firstVisit")}</p>}
      {list.length > 0 ? (
        <table class={`lesions ${moving ? "moving" : ""}`}>
          <caption class="hidden">{t("results.title")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("results.lesion")}</th><th scope="col">{t("results.bfRatio")}<Scale threshold={threshold} /></th><th scope="col">{t(atFirstVisit() ? "results.cutOff" : "results.response")}</th>
              <th scope="col" title={t("results.sizeIs")}>{t("results.size")}</th><th scope="col"><span class="hidden">{t("results.details")}</span></th>
            </tr>
          </thead>
          <tbody>{list.map(({ row, analysed }) => <LesionRow key={row.id} row={row} analysed={analysed} />)}</tbody>
        </table>
      ) : (
        <p class="note">{t("results.none")}</p>
      )}
      {list.length > 0 && <BarKey threshold={threshold} />}
      {list.length > 0 && <p class="note" data-interval-holds>{t("results.intervalHolds")} {t("results.sizeIs")}</p>}
      <Flags codes={[...flags]} />
      <Doubt />
      <Criteria />
      <Identity />
    </div>
  );
}
