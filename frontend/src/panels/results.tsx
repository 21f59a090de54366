/** The lesion table: ratio with its interval, probability of a major response, size and flags; live and as analysed. */

import { signal, type Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ApiError, get, send } from "../api";
import { date, number, t } from "../i18n";
import { attempt, drawnOf, edit } from "../regions/desk";
import { mayDraw } from "../regions/draft";
import { nameOf } from "../regions/names";
import { show } from "../regions/panel";
import { first, language, mayEdit, region as selected, second, studies, words } from "../state";
import { decimals, fixed, interval, NONE, percent, withSd } from "./format";
import { mainResponse, rowOfLive, rowOfResult, shownRatio, type Ratio, type Response, type Row } from "./forms";
import { figures } from "./numbers";

const open: Signal<ReadonlySet<string>> = signal(new Set());

/** The bar spans 0 to this ratio; what lies beyond ends at its edge with an arrow. */
const WIDEST = 2;

/** A ratio with its interval on a scale with the criterion's cut-off. */
function Bar({ ratio, threshold, colour }: { ratio: Ratio | null; threshold: number | null; colour: string }) {
  if (ratio === null || ratio.value === null) return null;
  const x = (value: number): number => (100 * Math.min(WIDEST, Math.max(0, value))) / WIDEST;
  const [low, high] = ratio.ci95 ?? [ratio.value, ratio.value];
  const text = `${fixed(ratio.value, 2, language.value)} (${interval([low, high], 2, language.value)})`;
  return (
    <svg class="bar" viewBox="0 0 100 16" preserveAspectRatio="none" role="img" aria-label={text}>
      {threshold !== null && <line class="cut" x1={x(threshold)} x2={x(threshold)} y1={0} y2={16} />}
      <line class="one" x1={x(1)} x2={x(1)} y1={2} y2={14} />
      <rect x={x(low)} y={6} width={Math.max(0.8, x(high) - x(low))} height={4} fill={colour} opacity={0.65} />
      <rect x={x(ratio.value) - 1} y={2} width={2} height={12} fill={colour} />
    </svg>
  );
}

function category(response: Response | null): string {
  const known = response?.category;
  if (known === "major" || known === "minor") return t(`response.${known}`);
  return known ?? t("response.none");
}

function flagText(code: string): string {
  return words.value?.flags[code]?.text ?? code;
}

export function Flags({ codes }: { codes: readonly string[] }) {
  if (codes.length === 0) return null;
  return (
    <ul class="flags">
      {codes.map((code) => <li key={code}>{flagText(code)}</li>)}
    </ul>
  );
}

function quantity(key: string): { name: string; unit: string } {
  const known = words.value?.quantities[key];
  return { name: known?.name ?? key, unit: known?.unit ?? figures.results.value?.units[key] ?? "" };
}

const PART_ORDER = ["whole", "vascular", "rim", "core", "surround"] as const;

function partName(part: string): string {
  return (PART_ORDER as readonly string[]).includes(part) ? t(`part.${part as (typeof PART_ORDER)[number]}`) : part;
}

/** Every parameter of every part, with its standard deviation. */
function Parameters({ row }: { row: Row }) {
  const version = figures.live.value?.lesions.find((lesion) => lesion.id === row.id)?.version;
  const model = figures.live.value?.model;
  useEffect(() => {
    // Rim, core and surround are asked for rows that are open, once a version and a model.
    if (row.live && row.parts.rim === undefined) void figures.parts(row.id);
  }, [row.id, version, model]);
  const parts = PART_ORDER.filter((part) => row.parts[part] !== undefined);
  const keys = [...new Set(parts.flatMap((part) => Object.keys(row.parts[part]!.parameters)))];
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("results.parametersOf", { name: nameOf(row.id) })}>
      <table class="parameters">
        <caption>{t("results.parametersOf", { name: nameOf(row.id) })}</caption>
        <thead>
          <tr>
            <th scope="col">{t("results.parameter")}</th>
            {parts.map((part) => <th scope="col" key={part}>{partName(part)}</th>)}
            <th scope="col">{t("results.ratio")}</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{t("results.voxels")}</th>
            {parts.map((part) => <td key={part}>{number(row.parts[part]!.voxels, 0)}</td>)}
            <td>{NONE}</td>
          </tr>
          {keys.map((key) => {
            const ratio = row.ratios[key] ?? null;
            return (
              <tr key={key}>
                <th scope="row">{quantity(key).name} <small>{quantity(key).unit}</small></th>
                {parts.map((part) => <td key={part}>{withSd(row.parts[part]!.parameters[key]?.value, row.parts[part]!.parameters[key]?.sd, language.value)}</td>)}
                <td>{ratio === null ? NONE : `${fixed(ratio.value, 2, language.value)} (${interval(ratio.ci95, 2, language.value)})`}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function unfold(row: Row): void {
  const next = new Set(open.value);
  if (!next.delete(row.id)) {
    next.add(row.id);
  }
  open.value = next;
}

function LesionRow({ row, analysed }: { row: Row; analysed: Row | null }) {
  const response = mainResponse(row);
  const unfolded = open.value.has(row.id);
  const ratio = shownRatio(row);
  const before = analysed === null ? null : (shownRatio(analysed)?.value ?? null);
  const differs = row.live && before !== null && fixed(before, 2, "en") !== fixed(ratio?.value, 2, "en");
  const choose = (): void => {
    selected.value = row.id;
    show(first, row.id);
  };
  return (
    <>
      <tr data-lesion={row.id} class={selected.value === row.id ? "chosen" : ""}>
        <th scope="row">
          <button type="button" class="link" aria-pressed={selected.value === row.id} onClick={choose}>
            <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" fill={drawnOf(first).colour(row.id)} /></svg> {nameOf(row.id)}
          </button>
          {response !== null && response.region !== "whole" && <small> {partName(response.region)}</small>}
        </th>
        <td class="ratio" data-ratio={ratio?.value ?? ""} data-whole-ratio={row.bf?.value ?? ""}>
          <strong>{fixed(ratio?.value, 2, language.value)}</strong> <span class="ci">{interval(ratio?.ci95, 2, language.value)}</span>
          <Bar ratio={ratio} threshold={response?.threshold ?? null} colour={drawnOf(first).colour(row.id)} />
          {differs && <small class="before">{t("results.analysedWas", { ratio: fixed(before, 2, language.value) })}</small>}
        </td>
        <td>{category(response)} <span class="p">{percent(response?.probability_major, language.value)}</span></td>
        <td>{number(row.diameter_mm, 0)} mm<br />{number(row.volume_ml, decimals(row.volume_ml, 1))} ml</td>
        <td><button type="button" class="more" aria-expanded={unfolded} aria-label={t("results.unfold", { name: nameOf(row.id) })} onClick={() => unfold(row)}>{unfolded ? "▾" : "▸"}</button></td>
      </tr>
      {(row.flags.length > 0 || (response?.flags?.length ?? 0) > 0) && (
        <tr class="flag-row"><td colSpan={5}><Flags codes={[...new Set([...row.flags, ...(response?.flags ?? [])])]} /></td></tr>
      )}
      {unfolded && <tr class="unfolded"><td colSpan={5}><Parameters row={row} /><Compare lesion={row.id} /></td></tr>}
    </>
  );
}

interface CurveComparison {
  readonly curve: string;
  readonly sentence?: string;
  readonly ranking: readonly { model: string; aic: number | null; aic_weight: number | null }[];
  readonly models?: Readonly<Record<string, { bf?: { value: number | null; sd: number | null }; ratio?: { bf?: Ratio | null }; category?: string | null; fit?: { r2: number | null } }>>;
}

function ComparisonTable({ found }: { found: CurveComparison }) {
  const order = [...found.ranking.map((one) => one.model), ...Object.keys(found.models ?? {}).filter((key) => !found.ranking.some((one) => one.model === key))];
  return (
    <>
      {found.sentence !== undefined && <p>{found.sentence}</p>}
      <div class="scroll" tabIndex={0} role="region" aria-label={t("compare.title")}>
      <table>
        <caption class="hidden">{t("compare.title")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("compare.model")}</th><th scope="col">{t("compare.weight")}</th><th scope="col">{quantity("bf").name}</th>
            <th scope="col">{t("results.ratio")}</th><th scope="col">{t("results.response")}</th><th scope="col">R²</th>
          </tr>
        </thead>
        <tbody>
          {order.map((model) => {
            const values = found.models?.[model];
            const ratio = values?.ratio?.bf ?? null;
            return (
              <tr key={model}>
                <th scope="row">{words.value?.models[model]?.name ?? model}</th>
                <td>{percent(found.ranking.find((one) => one.model === model)?.aic_weight, language.value)}</td>
                <td>{withSd(values?.bf?.value, values?.bf?.sd, language.value)}</td>
                <td>{ratio === null ? NONE : `${fixed(ratio.value, 2, language.value)} (${interval(ratio.ci95, 2, language.value)})`}</td>
                <td>{values?.category === "major" || values?.category === "minor" ? t(`response.${values.category}`) : (values?.category ?? NONE)}</td>
                <td>{number(values?.fit?.r2, 3)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      </div>
    </>
  );
}

/** All models on one lesion's curve, fitted when asked. */
function Compare({ lesion }: { lesion: string }) {
  const [found, setFound] = useState<CurveComparison | null>(null);
  const [busy, setBusy] = useState(false);
  const ask = async (): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      const { curves } = await send<{ curves: CurveComparison[] }>("POST", `/studies/${first.id.value}/numbers/compare`, { region: lesion, part: "whole" });
      setFound(curves.find((one) => one.curve === lesion) ?? null);
    });
    setBusy(false);
  };
  return (
    <div class="compare">
      <button type="button" data-act="compare" disabled={busy} onClick={() => void ask()}>{busy ? t("compare.busy") : t("compare.ask")}</button>
      {found !== null && <ComparisonTable found={found} />}
    </div>
  );
}

/** The criteria of size, density and perfusion side by side, where the patient has visits. */
interface CriteriaAnswer {
  readonly visits: readonly { study: string; date: string | null; visit: string }[];
  readonly unlinked?: readonly { study: string; lesion: string }[];
  readonly criteria: readonly {
    criterion: string;
    name: string;
    rule: string;
    best: string | null;
    refused: { what: string; advice: string } | null;
    visits: readonly { visit: string; category: string | null; text?: string | null }[];
  }[];
}

function Criteria() {
  const [found, setFound] = useState<CriteriaAnswer | null>(null);
  const study = first.id.value;
  const made = figures.results.value;
  const key = first.study.value?.patient_key ?? "";
  const visits = key === "" ? 1 : studies.value.filter((one) => one.patient_key === key).length;
  useEffect(() => {
    let gone = false;
    setFound(null);
    if (study === null || made === null || visits < 2) return;
    get<CriteriaAnswer>(`/studies/${study}/criteria`).then(
      (answer) => void (gone || setFound(answer)),
      (error: unknown) => {
        // One visit has nothing to compare with; the section is then left out.
        if (!(error instanceof ApiError)) throw error;
      },
    );
    return () => {
      gone = true;
    };
  }, [study, made, visits]);
  if (found === null || found.visits.length < 2 || found.criteria.length === 0) return null;
  const category = (one: CriteriaAnswer["criteria"][number], visit: string): string => one.visits.find((each) => each.visit === visit)?.category ?? NONE;
  const because = (one: CriteriaAnswer["criteria"][number]): string => one.visits.at(-1)?.text ?? one.rule;
  const rated = found.criteria.filter((one) => one.refused === null);
  const refused = found.criteria.filter((one) => one.refused !== null);
  return (
    <section class="criteria">
      <h2>{t("criteria.title")}</h2>
      {(found.unlinked?.length ?? 0) > 0 && <p class="warn">{t("criteria.unlinked", { n: found.unlinked!.length })}</p>}
      {rated.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label={t("criteria.title")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("criteria.name")}</th>
              {found.visits.map((visit) => <th scope="col" key={visit.visit}>{date(visit.date)}</th>)}
              <th scope="col">{t("criteria.best")}</th>
              <th scope="col">{t("criteria.because")}</th>
            </tr>
          </thead>
          <tbody>
            {rated.map((one) => (
              <tr key={one.criterion}>
                <th scope="row" title={one.rule}>{one.name}</th>
                {found.visits.map((visit) => <td key={visit.visit}>{category(one, visit.visit)}</td>)}
                <td>{one.best ?? NONE}</td>
                <td>{because(one)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>}
      {refused.length > 0 && (
        <details>
          <summary>{t("criteria.refused", { n: refused.length })}</summary>
          <ul>{refused.map((one) => <li key={one.criterion}>{one.name}: {one.refused!.what}. {one.refused!.advice}</li>)}</ul>
        </details>
      )}
    </section>
  );
}

interface LinkAnswer {
  /** `first` is the lesion of this visit, `second` that of the other. */
  readonly links: readonly { first: string; second: string; distance_mm: number }[];
  readonly poor?: boolean;
  readonly only_first?: readonly string[];
  readonly only_second?: readonly string[];
}

/** Which lesion is which in another visit of the patient: proposed with distances, confirmed by the reader. */
function Identity() {
  const study = first.study.value;
  const others = study === null ? [] : studies.value.filter((one) => one.patient_key !== "" && one.patient_key === study.patient_key && one.id !== study.id && (one.state === "analysed" || one.state === "signed"));
  const [other, setOther] = useState("");
  const [found, setFound] = useState<LinkAnswer | null>(null);
  // The visit beside this one on the screen comes first.
  const beside = others.find((one) => one.id === second.id.value)?.id;
  const chosen = others.some((one) => one.id === other) ? other : (beside ?? others[0]?.id ?? "");
  useEffect(() => setFound(null), [study?.id, chosen]);
  if (study === null || others.length === 0) return null;
  const drawn = drawnOf(first);
  const confirmed = (lesion: string, theirs: string): boolean => {
    const identity = drawn.get(lesion)?.identity;
    return identity?.study === chosen && identity.lesion === theirs;
  };
  return (
    <section class="identity">
      <h2>{t("identity.title")}</h2>
      <div class="row">
        <label>
          {t("identity.other")}
          <select value={chosen} onChange={(event) => setOther(event.currentTarget.value)}>
            {others.map((one) => <option key={one.id} value={one.id}>{`${one.date ?? ""} ${one.label}`}</option>)}
          </select>
        </label>
        <button type="button" onClick={() => void attempt(async () => setFound(await get<LinkAnswer>(`/studies/${study.id}/link?other=${chosen}`)))}>{t("identity.propose")}</button>
      </div>
      {found !== null && found.poor && <p class="warn">{t("identity.poor")}</p>}
      {found !== null && found.links.length === 0 && <p class="note">{t("identity.none")}</p>}
      <ul>
        {found?.links.map((link) => (
          <li key={link.first}>
            {nameOf(link.first)} ↔ {nameOf(link.second)} · {number(link.distance_mm, 1)} mm{" "}
            <button
              type="button"
              disabled={!mayDraw(first) || confirmed(link.first, link.second) || drawn.get(link.first) === null}
              onClick={() => edit(first, link.first, { kind: "identity", identity: { study: chosen, lesion: link.second } })}
            >
              {confirmed(link.first, link.second) ? t("identity.confirmed") : t("identity.confirm")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Analyse() {
  const study = first.study.value;
  const job = study?.job ?? null;
  const running = job !== null && job.kind === "analyze" && (job.state === "running" || job.state === "waiting");
  const stale = figures.results.value?.stale ?? study?.stale ?? false;
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (running || !stale) setAsked(false);
  }, [running, stale]);
  const start = async (): Promise<void> => {
    setAsked(true);
    const model = figures.model.value === null ? {} : { model: figures.model.value };
    if (!(await attempt(() => send("POST", `/studies/${first.id.value}/analyze`, model)))) setAsked(false);
  };
  if (running) {
    return (
      <p role="status">
        {t("results.analysing")} {job.step} <progress max={Math.max(1, job.total)} value={job.done} aria-label={t("results.analysing")} />
      </p>
    );
  }
  return (
    <div class={stale || figures.results.value === null ? "stale" : "row"}>
      {figures.results.value === null ? <p>{t("results.notYet")}</p> : stale ? <p role="alert">{t("results.stale")}</p> : null}
      <button type="button" data-act="analyse" disabled={!mayEdit.value || asked || Boolean(study?.signed)} onClick={() => void start()}>{stale || figures.results.value === null ? t("results.analyse") : t("results.again")}</button>
    </div>
  );
}

/** Rows of the table: live where there are live numbers, the last analysis else. */
function rows(): { row: Row; analysed: Row | null }[] {
  const analysed = new Map((figures.results.value?.lesions ?? []).map((lesion) => [lesion.id, rowOfResult(lesion)]));
  const live = figures.live.value?.lesions.map(rowOfLive) ?? null;
  if (live === null) return [...analysed.values()].map((row) => ({ row, analysed: row }));
  return live.sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true })).map((row) => {
    const before = analysed.get(row.id) ?? null;
    // Rim, core and surround come from the analysis until they are asked live.
    const parts = before !== null && !(figures.results.value?.stale ?? true) ? { ...before.parts, ...row.parts } : row.parts;
    return { row: { ...row, parts }, analysed: before };
  });
}

export function ResultsPanel() {
  const live = figures.live.value;
  const results = figures.results.value;
  const model = figures.model.value ?? live?.model ?? results?.model ?? "";
  const list = rows();
  const healthyLive = live?.healthy?.parameters.bf;
  const healthyKept = results?.healthy?.bf as { value: number | null; sd: number | null } | undefined;
  const healthy = healthyLive ?? healthyKept;
  return (
    <div class="results-panel" aria-busy={figures.busy.value}>
      <div class="row">
        <label>
          {t("results.model")}
          <select data-act="model" value={model} onChange={(event) => ((figures.model.value = event.currentTarget.value), figures.ask("all"))}>
            {!(model in (words.value?.models ?? {})) && <option value={model}>{model}</option>}
            {Object.entries(words.value?.models ?? {}).map(([key, one]) => <option key={key} value={key}>{one.name}</option>)}
          </select>
        </label>
        <span class={`source ${live === null ? "kept" : "live"}`}>
          {figures.busy.value ? t("results.computing") : live !== null ? t("results.live", { s: number(figures.lastWait_ms.value / 1000, 1) }) : results !== null ? t("results.analysed") : ""}
        </span>
      </div>
      {figures.failure.value !== null && <p class="warn" role="alert">{figures.failure.value.what} {figures.failure.value.advice}</p>}
      <Analyse />
      {healthy !== undefined && <p>{t("results.healthy")} {withSd(healthy.value, healthy.sd, language.value)} {quantity("bf").unit}</p>}
      {list.length > 0 ? (
        <table class="lesions">
          <caption class="hidden">{t("results.title")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("results.lesion")}</th><th scope="col">{t("results.bfRatio")}</th><th scope="col">{t("results.response")}<br />{t("results.major")}</th>
              <th scope="col">{t("results.size")}</th><th scope="col"><span class="hidden">{t("results.details")}</span></th>
            </tr>
          </thead>
          <tbody>{list.map(({ row, analysed }) => <LesionRow key={row.id} row={row} analysed={analysed} />)}</tbody>
        </table>
      ) : (
        <p class="note">{t("results.none")}</p>
      )}
      <Flags codes={[...new Set([...(live?.flags ?? results?.flags ?? []), ...(live?.inputs.flags ?? [])])]} />
      <Criteria />
      <Identity />
    </div>
  );
}
