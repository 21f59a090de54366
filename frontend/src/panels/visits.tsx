/** What several visits of a patient say together: response by every criterion, and which lesion is which. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, get, type Failure, type Study } from "../api";
import { date, number, t } from "../i18n";
import { saying } from "../i18n/errors";
import { OfOnePatient } from "../list/doubt";
import { attempt, choose, drawnOf, edit } from "../regions/desk";
import { mayDraw } from "../regions/draft";
import { nameOf } from "../regions/names";
import { opened, openedKey } from "../regions/opened";
import { openPanel } from "../slots";
import { first, language, second, visitsOf } from "../state";
import { NONE } from "./format";
import { figures } from "./numbers";

interface RatedVisit {
  readonly visit: string;
  readonly category: string | null;
  readonly text?: string | null;
  readonly lesions?: readonly { lesion: string; category: string | null }[];
}

interface Criterion {
  readonly criterion: string;
  readonly name: string;
  readonly rule: string;
  readonly rates?: string;
  readonly best: string | null;
  readonly refused: Failure | null;
  readonly limits?: string;
  /** Lesions of which a reader has not given what the criterion reads. */
  readonly missing: readonly { visit: string; study: string; lesion: string }[];
  /** Agreement of two readers. */
  readonly readers?: { kappa: number | null; n: number } | null;
  readonly visits: readonly RatedVisit[];
}

/** A lesion's axes as criteria read them: the caliper's where somebody set one, else the outline's. */
interface Sized {
  readonly lesion: string;
  /** Its name across visits; null where it is linked to none of the first. */
  readonly name: string | null;
  readonly diameter_mm: number;
  readonly perpendicular_mm: number;
  readonly caliper_by: string | null;
  readonly outline_mm: readonly [number, number];
}

/** The criteria of size, density and perfusion side by side, where the patient has visits. */
interface CriteriaAnswer {
  readonly visits: readonly { study: string; date: string | null; visit: string }[];
  readonly unlinked?: readonly { study: string; lesion: string }[];
  /** Drawn after the analysis, which does not know them. */
  readonly unanalysed: readonly { study: string; lesion: string }[];
  /** By study: what criteria of size read of each lesion. */
  readonly lesions: Readonly<Record<string, readonly Sized[]>>;
  readonly criteria: readonly Criterion[];
}

const SAID = ["major", "minor", "smaller", "larger", "stable", "gone", "optimal", "incomplete", "not_evaluable"] as const;
/** A criterion's category "none" is a verdict, not the lack of one. */
const NO_RESPONSE = "none";

/** Criteria on what a reader gives; what each is not for stands with its verdict. */
const GIVEN = ["chun", "mrecist", "easl"] as const;

function byReader(one: Criterion): boolean {
  return GIVEN.some((key) => key === one.criterion);
}

/** A category in words; abbreviations such as PR stay as they are. */
function named(category: string | null | undefined): string {
  if (category === NO_RESPONSE) return t("response.no");
  const known = SAID.find((one) => one === category);
  return known === undefined ? (category ?? NONE) : t(`response.${known}`);
}

/** What a criterion says of a visit: its category, or how many lesions have which where it rates lesions. */
function verdict(one: Criterion, visit: string): string {
  const found = one.visits.find((each) => each.visit === visit);
  if (found === undefined || found.category !== null || !found.lesions?.length) return named(found?.category);
  const counts = new Map<string, number>();
  for (const lesion of found.lesions) if (lesion.category !== null) counts.set(lesion.category, (counts.get(lesion.category) ?? 0) + 1);
  return counts.size === 0 ? NONE : [...counts].map(([category, n]) => `${n}\u00a0×\u00a0${named(category)}`).join(", ");
}

function CriteriaTable({ found, rated }: { found: CriteriaAnswer; rated: readonly Criterion[] }) {
  const wide = found.visits.length + 2;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("criteria.title")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("criteria.name")}</th>
            {found.visits.map((visit, n) => <th scope="col" key={visit.visit}>{t("criteria.visit", { n: n + 1 })}<small>{date(visit.date)}</small></th>)}
            <th scope="col">{t("criteria.best")}</th>
          </tr>
        </thead>
        {rated.map((one) => {
          const because = one.visits.at(-1)?.text ?? null;
          return (
            <tbody key={one.criterion} data-criterion={one.criterion}>
              <tr>
                <th scope="row" title={[one.rule, one.limits].filter(Boolean).join(" ")}>{one.name}</th>
                {found.visits.map((visit) => <td key={visit.visit}>{verdict(one, visit.visit)}</td>)}
                <td>{named(one.best)}</td>
              </tr>
              {because !== null && <tr class="because"><td colSpan={wide}>{because}{byReader(one) && ` ${one.limits ?? ""}`}</td></tr>}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

function Size({ one, name }: { one: Sized | undefined; name: string }) {
  if (one === undefined) return <>{NONE}</>;
  const axes = (long: number, short: number): string => `${number(long, 1)}\u00a0×\u00a0${number(short, 1)}\u00a0mm`;
  const outline = axes(...one.outline_mm);
  return (
    <>
      {axes(one.diameter_mm, one.perpendicular_mm)}
      <small>{one.caliper_by === null ? t("criteria.byOutline") : t("criteria.byCaliper", { reader: one.caliper_by, outline })}</small>
      {one.lesion !== name && <small data-drawn-as>{t("criteria.drawnAs", { lesion: nameOf(one.lesion) })}</small>}
    </>
  );
}

/** The sizes that the criteria read, and whose they are: a caliper may differ from the outline that the other numbers are of. */
function Sizes({ found }: { found: CriteriaAnswer }) {
  const at = (study: string, name: string) => found.lesions[study]?.find((one) => one.name === name);
  const names = [...new Set(Object.values(found.lesions).flatMap((each) => each.flatMap((one) => one.name ?? [])))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("criteria.sizes")}>
      <table class="sizes">
        <caption>{t("criteria.sizes")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("criteria.lesion")}</th>
            {found.visits.map((visit, n) => <th scope="col" key={visit.visit}>{t("criteria.visit", { n: n + 1 })}</th>)}
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name} data-size={name}>
              <th scope="row">{nameOf(name)}</th>
              {found.visits.map((visit) => <td key={visit.visit}><Size one={at(visit.study, name)} name={name} /></td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Lesions with their visits. */
function listed(found: CriteriaAnswer, lesions: readonly { study: string; lesion: string }[]): string {
  return lesions.map(({ study, lesion }) => t("criteria.lesionAt", { lesion: nameOf(lesion), n: found.visits.findIndex((each) => each.study === study) + 1 })).join(", ");
}

/** What readers have still to give, criterion by criterion, and the way to where this visit's lesions get it. */
function Missing({ found, one }: { found: CriteriaAnswer; one: Criterion }) {
  const key = GIVEN.find((each) => each === one.criterion);
  if (key === undefined || one.missing.length === 0) return null;
  const here = one.missing.find((each) => each.study === first.id.value);
  const go = (lesion: string): void => {
    choose(first, lesion);
    opened.value = openedKey(first, lesion);
    openPanel.value = "regions";
  };
  return (
    <p class="missing" data-missing={key}>
      {t("criteria.missing", { name: one.name, what: t(`criteria.missing.${key}`, { lesions: listed(found, one.missing) }) })}{" "}
      {here !== undefined && mayDraw(first) && <button type="button" data-act={`give-${key}`} onClick={() => go(here.lesion)}>{t("criteria.give")}</button>}
    </p>
  );
}

/** The studies of the patient on show. */
function ofPatient(): Study[] {
  return first.study.value === null ? [] : visitsOf(first.study.value);
}

/** Whether the visits on show may be set side by side at all. */
export function Doubt() {
  return <OfOnePatient visits={ofPatient()} />;
}

export function Criteria() {
  const [found, setFound] = useState<CriteriaAnswer | null>(null);
  const study = first.id.value;
  const made = figures.results.value;
  const spoken = language.value;
  const visits = ofPatient();
  // Another visit that was analysed again, or drawn in, changes what can be rated.
  const others = visits.map((one) => `${one.id} ${one.analysis?.at ?? ""} ${one.lesions ?? ""}`).join();
  // A pair that is confirmed or taken back does too, and so do a caliper, a new lesion and one that is gone.
  const drawn = [first, second].flatMap((visit) => drawnOf(visit).list.value).map((one) => `${one.name} ${one.deleted} ${one.identity?.study ?? ""} ${one.identity?.lesion ?? ""} ${one.caliper?.long_mm ?? ""} ${one.viable?.long_mm ?? ""} ${one.viable?.short_mm ?? ""} ${one.morphology.map((each) => each.group).join("/")}`).join();
  useEffect(() => {
    let gone = false;
    if (study === null || made === null || visits.length < 2) return setFound(null);
    get<CriteriaAnswer>(`/studies/${study}/criteria?language=${spoken}`).then(
      (answer) => void (gone || setFound(answer)),
      (error: unknown) => {
        // One visit has nothing to compare with; the section is then left out.
        if (!(error instanceof ApiError)) throw error;
        if (!gone) setFound(null);
      },
    );
    return () => {
      gone = true;
    };
  }, [study, made, others, spoken, drawn]);
  if (found === null || found.visits.length < 2) return null;
  const rated = found.criteria.filter((one) => one.refused === null);
  // One that only waits for a reader says so below the table.
  const refused = found.criteria.filter((one) => one.refused !== null && one.missing.length === 0);
  const agreed = found.criteria.find((one) => one.readers?.kappa != null)?.readers;
  return (
    <section class="criteria">
      <h2>{t("criteria.title")}</h2>
      {found.criteria.length === 0 && <p class="note">{t("criteria.nothing")}</p>}
      {found.criteria.length > 0 && rated.length === 0 && <p class="note">{t("criteria.none")}</p>}
      {(found.unlinked?.length ?? 0) > 0 && <p class="warn">{t("criteria.unlinked", { lesions: listed(found, found.unlinked!) })}</p>}
      {found.unanalysed.length > 0 && <p class="warn">{t("criteria.unanalysed", { lesions: listed(found, found.unanalysed) })}</p>}
      {rated.length > 0 && <CriteriaTable found={found} rated={rated} />}
      {rated.length > 0 && <Sizes found={found} />}
      {found.criteria.map((one) => <Missing key={one.criterion} found={found} one={one} />)}
      {agreed != null && <p class="note">{t("criteria.readers", { kappa: number(agreed.kappa, 2), n: agreed.n })}</p>}
      {refused.length > 0 && (
        <details>
          <summary>{t("criteria.refused", { n: refused.length })}</summary>
          <ul>{refused.map((one) => <li key={one.criterion}>{t("pair", { what: one.name, value: saying(one.refused!) })}</li>)}</ul>
        </details>
      )}
    </section>
  );
}

interface LinkAnswer {
  /** `first` is the lesion of this visit, `second` that of the other; `linked`: a reader confirmed it, in either visit. */
  readonly links: readonly { first: string; second: string; distance_mm: number; linked: boolean }[];
  readonly poor?: boolean;
  readonly only_first?: readonly string[];
  readonly only_second?: readonly string[];
}

/** Which lesion is which in another visit of the patient: proposed with distances, confirmed by the reader. */
export function Identity() {
  const study = first.study.value;
  const others = ofPatient().filter((one) => one.id !== study?.id && one.analysis != null);
  const [other, setOther] = useState("");
  const [found, setFound] = useState<LinkAnswer | null>(null);
  const [comparing, setComparing] = useState(false);
  // The visit beside this one on the screen comes first.
  const beside = others.find((one) => one.id === second.id.value)?.id;
  const chosen = others.some((one) => one.id === other) ? other : (beside ?? others[0]?.id ?? "");
  useEffect(() => setFound(null), [study?.id, chosen]);
  if (study === null || others.length === 0) return null;
  const there = others.find((one) => one.id === chosen)?.visit ?? 0;
  const drawn = drawnOf(first);
  const mine = (lesion: string, theirs: string): boolean => {
    const identity = drawn.get(lesion)?.identity;
    return identity?.study === chosen && identity.lesion === theirs;
  };
  const propose = async (): Promise<void> => {
    setFound(null);
    setComparing(true);
    await attempt(async () => setFound(await get<LinkAnswer>(`/studies/${study.id}/link?other=${chosen}`)));
    setComparing(false);
  };
  const may = mayDraw(first);
  const link = (lesion: string, theirs: string | null): void => edit(first, lesion, { kind: "identity", identity: theirs === null ? null : { study: chosen, lesion: theirs } });
  const open = (found?.links ?? []).filter((one) => drawn.get(one.first) !== null && !one.linked && !mine(one.first, one.second));
  return (
    <section class="identity">
      <h2>{t("identity.title")}</h2>
      <div class="row">
        <label>
          {t("identity.other")}
          <select value={chosen} onChange={(event) => setOther(event.currentTarget.value)}>
            {others.map((one) => <option key={one.id} value={one.id}>{`${t("visit.nth", { n: one.visit, of: others.length + 1 })}, ${date(one.date)} · ${one.label}`}</option>)}
          </select>
        </label>
        <button type="button" data-act="pairs" disabled={comparing || study.analysis == null} onClick={() => void propose()}>{t("identity.propose")}</button>
        {may && open.length > 1 && <button type="button" data-act="confirm-all" onClick={() => open.forEach((one) => link(one.first, one.second))}>{t("identity.all", { n: open.length })}</button>}
      </div>
      {found !== null && found.poor && <p class="warn">{t("identity.poor")}</p>}
      {study.analysis == null && <p class="note">{t("identity.analyse")}</p>}
      {comparing && <p role="status">{t("identity.comparing")} <progress aria-label={t("identity.comparing")} /></p>}
      {study.signed && <p class="note">{t("identity.signed")}</p>}
      {found !== null && found.links.length === 0 && <p class="note">{t(found.only_first?.length === 0 ? "identity.nothingHere" : found.only_second?.length === 0 ? "identity.nothingThere" : "identity.none")}</p>}
      <ul>
        {found?.links.map((pair) => {
          const own = mine(pair.first, pair.second);
          const done = own || pair.linked;
          return (
            <li key={pair.first}>
              {t("criteria.lesionAt", { lesion: nameOf(pair.first), n: study.visit })} ↔ {t("criteria.lesionAt", { lesion: nameOf(pair.second), n: there })} · {t("identity.apart", { mm: number(pair.distance_mm, 1) })}{" "}
              <button type="button" data-act="confirm" disabled={!may || done || drawn.get(pair.first) === null} onClick={() => link(pair.first, pair.second)}>
                {done ? t("identity.confirmed") : t("identity.confirm")}
              </button>
              {own && may && <button type="button" data-act="unlink" aria-label={t("identity.undoOf", { name: nameOf(pair.first) })} onClick={() => link(pair.first, null)}>{t("identity.undo")}</button>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
