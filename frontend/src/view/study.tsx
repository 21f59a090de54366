/** The page of a study: tools at the left, pictures with time below, panels at the right. */
import { computed, effect, untracked, type ReadonlySignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { get, hear, knownAs, type Link, type PlaneName, type Study } from "../api";
import { date, t } from "../i18n";
import { JobLine } from "../list/job";
import { Splitter } from "../panels/splitter";
import { openPanel, panels } from "../slots";
import { alarm, bigPlane, first, fourMaps, layout, map, second, studies, type Layout, type Visit } from "../state";
import { tell } from "../tell";
import { showCrosshair } from "./cross";
import { lengthTool } from "./length";
import { offset_mm } from "./link";
import { Heading, Whose } from "./heading";
import { MapBar, MapSelect, UnitBar } from "./mapbar";
import { PaneView } from "./pane";
import { lookAt } from "./pointer";
import { ReportOver, reportOpen } from "./report";
import { prepare } from "./screen";
import { fetchAhead, player, setPass } from "./time";
import { TimeBar } from "./timebar";
import { Toolbar } from "./toolbar";
import { closeVisit, hasCome, openVisit } from "./visit";
import { fromMillimetres } from "./geometry";

const FOUR: ReadonlySignal<string | null>[] = [0, 1, 2, 3].map((n) => computed(() => fourMaps.value[n] ?? null));

function Planes({ only }: { only: PlaneName | null }) {
  const shown: PlaneName[] = only === null ? ["axial", "coronal", "sagittal"] : [only];
  return (
    <>
      {shown.map((plane) => (
        <PaneView key={plane} name={plane} visit={first} plane={plane} map={map} />
      ))}
    </>
  );
}

function FourMaps() {
  return (
    <>
      {FOUR.map((of, n) => (
        <div class="framed" key={n}>
          <div class="frame-bar">
            <MapSelect
              value={of.value}
              label={t("map.n", { n: n + 1 })}
              onChange={(key) => (fourMaps.value = fourMaps.value.map((one, m) => (m === n ? key : one)))}
            />
            {of.value !== null && <UnitBar of={of.value} />}
          </div>
          <PaneView name={`map-${n + 1}`} visit={first} plane={bigPlane.value} map={of} titled />
        </div>
      ))}
    </>
  );
}

function TwoVisits() {
  const at = (visit: Visit): number => visit.study.value?.visit ?? 0;
  const inOrder = at(second) < at(first) ? [second, first] : [first, second];
  return (
    <>
      {inOrder.map((visit) => (
        <div class="framed" key={visit.key}>
          <div class={`frame-bar ${visit === first ? "mine" : ""}`} title={visit === first ? t("visit.mine") : undefined}>
            <Whose visit={visit} />
          </div>
          <PaneView name={`${visit.key}-${bigPlane.value}`} visit={visit} plane={bigPlane.value} map={map} />
        </div>
      ))}
    </>
  );
}

function Pictures({ as }: { as: Layout }) {
  if (as === "maps") return <FourMaps />;
  if (as === "visits") return <TwoVisits />;
  return <Planes only={as === "one" ? bigPlane.value : null} />;
}

function Panels() {
  const list = panels.list.value;
  const open = list.find((one) => one.key === openPanel.value) ?? list[0];
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (by === undefined || open === undefined) return;
    event.preventDefault();
    const next = list[(list.indexOf(open) + by + list.length) % list.length]!;
    openPanel.value = next.key;
    document.getElementById(`tab-${next.key}`)?.focus();
  };
  return (
    <aside class="panels" aria-label={t("panels")}>
      <Splitter />
      <div role="tablist" aria-label={t("panels")} onKeyDown={step}>
        {list.map((one) => (
          <button
            type="button"
            role="tab"
            key={one.key}
            id={`tab-${one.key}`}
            aria-selected={one === open}
            aria-controls="panel"
            tabIndex={one === open ? 0 : -1}
            onClick={() => (openPanel.value = one.key)}
          >
            {one.title()}
          </button>
        ))}
      </div>
      {open && (
        <div role="tabpanel" id="panel" aria-labelledby={`tab-${open.key}`} tabIndex={0} key={open.key}>
          <open.component />
        </div>
      )}
    </aside>
  );
}

/** Takes the anatomy of one lesion in both visits as the link between them, where the server proposes one. */
async function linkLesions(id: string, other: string): Promise<void> {
  // Lesions are found again by the images of an analysis; without some in both there is nothing to link.
  if (![first, second].every((visit) => visit.study.value?.analysis && visit.study.value.lesions)) return;
  const { links } = await get<{ links: (Link & { first_mm?: [number, number, number]; second_mm?: [number, number, number] })[] }>(`/studies/${id}/link?other=${other}`);
  const best = links.filter((one) => one.first_mm && one.second_mm).sort((a, b) => a.distance_mm - b.distance_mm)[0];
  const here = first.images.value?.planes.axial;
  if (best === undefined || here === undefined) return;
  offset_mm.value = [0, 1, 2].map((n) => best.second_mm![n]! - best.first_mm![n]!) as [number, number, number];
  lookAt(first, fromMillimetres(here, best.first_mm!));
}

async function openStudies(id: string, other: string | null): Promise<void> {
  offset_mm.value = null;
  if (other !== null) layout.value = "visits";
  else if (layout.value === "visits") layout.value = "planes";
  await Promise.all([openVisit(first, id), other === null ? closeVisit(second) : openVisit(second, other)]);
  if (other === null) return;
  lookAt(first, first.cross.value);
  setPass(first, first.pass.value);
  // Where no link can be proposed, relative position serves.
  await linkLesions(id, other).catch(() => undefined);
}

/** Gives the four panes a study's first maps as soon as it has some; without any there is nothing to show four of. */
function fillFourMaps(): () => void {
  return effect(() => {
    if (first.images.value === null) return;
    const maps = first.maps.value?.maps ?? [];
    untracked(() => {
      if (maps.length === 0 && !first.study.value?.corrected && layout.value === "maps") layout.value = "planes";
      if (maps.length > 0 && fourMaps.value.every((key) => !maps.some((one) => one.key === key))) fourMaps.value = [0, 1, 2, 3].map((n) => maps[n]?.key ?? null);
    });
  });
}

/** Takes what a job that ended has changed, however the page came to know of its end: told at once, or asked after the connection was lost. */
function followJobs(visit: Visit, again: (id: string) => void): () => void {
  let before: string | null = null;
  return effect(() => {
    const study = visit.study.value;
    const now = study === null ? null : `${study.id} ${study.corrected} ${study.job?.state === "done" ? study.job.id : ""}`;
    if (study !== null && before !== null && now !== before) untracked(() => again(study.id));
    before = now;
  });
}

const ASK_MS = 2000;

/** A study on its way in: how far it is, or why it did not come. */
function Arriving({ study, again }: { study: Study; again: () => void }) {
  const going = study.state === "importing";
  useEffect(() => {
    if (!going) return;
    // An end that came before the page listened would not be heard.
    const asking = setInterval(again, ASK_MS);
    return () => clearInterval(asking);
  }, [going, again]);
  return (
    <section class="arriving">
      <h1>{study.label}</h1>
      <p>{t(going ? "view.arriving" : "view.failed")}</p>
      {study.job && <JobLine job={study.job} />}
      <p>
        <a href="#/studies">{t("nav.studies")}</a>
      </p>
    </section>
  );
}

export function StudyPage({ id, other }: { id: string; other: string | null }) {
  const refused = (failure: unknown): void => {
    const known = knownAs(failure);
    if (known === null) tell(failure);
    else location.replace(`#/study/${known}`);
  };
  const open = useCallback(() => void openStudies(id, other).catch(refused), [id, other]);
  useEffect(() => {
    prepare();
    open();
    const stops = [showCrosshair(), lengthTool(), player(), fetchAhead(), fillFourMaps()];
    for (const visit of [first, second]) stops.push(followJobs(visit, (changed) => void openVisit(visit, changed).catch(tell)));
    // An analysis that ended has new pictures and maps to show.
    stops.push(
      hear("study", (heard) => {
        if (heard.study !== id && heard.study !== other) return;
        if (first.id.value === null) open();
        else if (heard.study === id) void openVisit(first, id).catch(refused);
        else void openVisit(second, heard.study!).catch(tell);
      }),
    );
    stops.push(
      effect(() => {
        document.title = first.study.value ? `${first.study.value.label} · hepaflow` : "hepaflow";
      }),
    );
    return () => {
      stops.forEach((stop) => stop());
      closeVisit(first);
      closeVisit(second);
      alarm.value = null;
      reportOpen.value = false;
      document.title = "hepaflow";
    };
  }, [id, other]);
  const coming = [id, other].map((one) => studies.value.find((study) => study.id === one)).find((study) => study !== undefined && !hasCome(study));
  if (coming !== undefined) return <Arriving study={coming} again={open} />;
  const study = first.study.value;
  return (
    <>
      <h1 class="hidden">{study ? `${study.label}, ${date(study.date)}` : t("view.loading")}</h1>
      <Toolbar />
      <section class="center" aria-label={t("view.pictures")}>
        <div class="bars">
          <Heading />
          <MapBar />
        </div>
        <div class={`pictures ${layout.value}`}>{first.images.value === null ? <p class="loading">{t("view.loading")}</p> : <Pictures as={layout.value} />}</div>
        <TimeBar />
        {reportOpen.value && <ReportOver />}
      </section>
      <Panels />
    </>
  );
}
