/** The list of regions: show, select, propose, what waits to be saved; parts, and what can be done at the crosshair. */

import { useState } from "preact/hooks";
import { date, number, t } from "../i18n";
import { inWords, saying } from "../i18n/errors";
import { OnlyLooking } from "../panels/role";
import { first, mayEdit, second, selected, tool, type Visit } from "../state";
import { activePane, panes, type Pane } from "../view/pane";
import { lookAt } from "../view/pointer";
import { attempt, choose, chosen, complain, drawnOf, outbox, step, unsent } from "./desk";
import { ball, LARGEST_MM, mayDraw, measuring, radius_mm, SMALLEST_MM } from "./draft";
import { PARTS, type Drawn } from "./drawn";
import { centre } from "./mask";
import { Conflicts } from "./conflicts";
import { Details } from "./details";
import { onGround } from "./hand";
import { nameOf } from "./names";
import { opened, openedKey } from "./opened";
import { visitTitle } from "../panels/whose";
import { dab, DRAWING, lesionAt, type DrawingTool } from "./tools";
import { FIXED_NAMES, type Region } from "./types";

/** Turns the panes to the middle of a region. */
export function show(visit: Visit, name: string): void {
  const held = drawnOf(visit).held(name);
  const region = drawnOf(visit).get(name);
  if (held !== null) {
    const middle = centre(held.mask);
    if (middle !== null) lookAt(visit, middle);
  } else if (region !== null && region.voxels > 0) {
    // Its voxels are still on their way: the middle of its box is near enough.
    const [k0, k1, j0, j1, i0, i1] = region.box;
    lookAt(visit, [(k0 + k1 - 1) / 2, (j0 + j1 - 1) / 2, (i0 + i1 - 1) / 2]);
  }
}

function Unsent({ drawn }: { drawn: Drawn }) {
  const { count, away, kept, others } = unsent.value;
  const here = drawn.waiting.value.length;
  return (
    <div role="status" class="unsent">
      {count === 0 ? (
        <span class="saved">{t("regions.allSaved")}</span>
      ) : (
        <>
          <strong>{t("regions.notSaved", { n: Math.max(here, count) })}</strong>
          {away !== null && <> {t("regions.away")} <button type="button" onClick={() => outbox.flush()}>{t("regions.tryNow")}</button></>}
          {!kept && <p class="warn">{t("regions.notKept")}</p>}
        </>
      )}
      {[...others].map(([name, n]) => <p class="warn" key={name}>{t("regions.waitingFor", { n, name })}</p>)}
    </div>
  );
}

/** How the tool in hand is used. */
function Hint() {
  const now = (DRAWING as readonly string[]).includes(tool.value) ? (tool.value as DrawingTool) : null;
  if (now === "caliper" && measuring.value === "viable") return <p class="hint">{t("viable.tool")}</p>;
  return <p class="hint">{now === null ? t("hint.none") : `${t(`draw.${now}`)}. ${t(`hint.${now}`)}`}</p>;
}

function Line({ drawn, region }: { drawn: Drawn; region: Region }) {
  const visible = !drawn.hidden.value.has(region.name);
  const key = openedKey(drawn.visit, region.name);
  const isOpened = opened.value === key;
  const isChosen = chosen(drawn.visit) === region.name;
  const waits = drawn.waiting.value.some((entry) => entry.region === region.name);
  const look = (): void => {
    choose(drawn.visit, region.name);
    show(drawn.visit, region.name);
  };
  return (
    <li class={isChosen ? "chosen" : ""} data-region={region.name}>
      <div class="line">
        <button type="button" class="eye" aria-pressed={visible} aria-label={t("regions.visible", { name: nameOf(region.name) })} onClick={() => drawn.show(region.name, !visible)}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d={visible ? "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12ZM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z" : "M3 3l18 18M2 12s4-7 10-7c2 0 4 .7 5.500 1.800M22 12s-4 7-10 7c-2 0-4-.7-5.500-1.800"} /></svg>
        </button>
        <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" fill={drawn.colour(region.name)} /></svg>
        <button type="button" class="name" aria-pressed={isChosen} onClick={look}>{nameOf(region.name)}</button>
        <span class="volume">{region.voxels === 0 ? t("regions.empty") : `${number(region.volume_ml, region.volume_ml < 10 ? 1 : 0)} mL`}</span>
        <span class={`origin ${region.origin}`}>{waits ? t("regions.waits") : t(`origin.short.${region.origin}`)}</span>
        <button type="button" class="more" aria-expanded={isOpened} aria-label={t("regions.more", { name: nameOf(region.name) })} onClick={() => (opened.value = isOpened ? null : key)}>⋯</button>
      </div>
      {region.shifts.length > 0 && <small class="shifted">{t("shift.count", { n: region.shifts.length })}</small>}
      {isOpened && <Details drawn={drawn} region={region} />}
    </li>
  );
}

function Deleted({ drawn }: { drawn: Drawn }) {
  const gone = drawn.list.value.filter((region) => region.deleted);
  if (gone.length === 0) return null;
  return (
    <details class="deleted">
      <summary>{t("regions.deleted", { n: gone.length })}</summary>
      <ul>
        {gone.map((region) => (
          <li key={region.name}>
            {nameOf(region.name)} · {region.by} · {date(region.at, true)}{" "}
            {mayDraw(drawn.visit) && region.version > 1 && (
              <button type="button" onClick={() => void attempt(() => drawn.restore(region.name, region.version - 1))}>{t("regions.restore")}</button>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What hands on the keyboard can do at the crosshair. */
function AtCrosshair({ visit }: { visit: Visit }) {
  const mine = panes.value.filter((one) => one.visit === visit);
  const pane = mine.find((one) => one.name === activePane.value) ?? mine.find((one) => one.plane === "axial") ?? mine[0];
  const act = (run: (at: Pane) => void) => (): void => {
    if (pane !== undefined && onGround(pane)) run(pane);
  };
  return (
    <fieldset class="crosshair-tools">
      <legend>{t("regions.atCrosshair")}</legend>
      <div class="row">
        <button type="button" data-act="lesion-here" onClick={act((one) => lesionAt(one, visit.cross.value))}>{t("regions.lesionHere")}</button>
        <button type="button" onClick={act((one) => dab(one, visit.cross.value, false))}>{t("regions.paintHere")}</button>
        <button type="button" onClick={act((one) => dab(one, visit.cross.value, true))}>{t("regions.eraseHere")}</button>
      </div>
      <label>
        {t("brush.radius")} <output>{number(radius_mm.value, 1)} mm</output>
        <input type="range" min={SMALLEST_MM} max={LARGEST_MM} step={0.5} value={radius_mm.value} onInput={(event) => (radius_mm.value = Number(event.currentTarget.value))} />
      </label>
      <label class="check">
        <input type="checkbox" checked={ball.value} onChange={(event) => (ball.value = event.currentTarget.checked)} /> {t("brush.ball")}
      </label>
    </fieldset>
  );
}

function Parts({ drawn }: { drawn: Drawn }) {
  return (
    <fieldset class="parts">
      <legend>{t("parts.title")}</legend>
      {PARTS.map((part) => (
        <label key={part} class="check">
          <input type="checkbox" checked={drawn.parts.value.has(part)} onChange={(event) => drawn.showPart(part, event.currentTarget.checked)} />
          <svg class="dash" viewBox="0 0 30 6" aria-hidden="true"><path class={`region part ${part}`} d="M0 3H30" /></svg> {t(`part.${part}`)}
        </label>
      ))}
    </fieldset>
  );
}

function VisitRegions({ drawn, titled }: { drawn: Drawn; titled: boolean }) {
  const missing = FIXED_NAMES.filter((name) => drawn.get(name) === null);
  const may = mayDraw(drawn.visit);
  const [proposing, setProposing] = useState(false);
  const propose = async (): Promise<void> => {
    setProposing(true);
    await attempt(async () => {
      const refused = await drawn.propose();
      if (refused.length > 0) complain({ code: refused[0]!.error.code, what: refused.map((one) => t("pair", { what: nameOf(one.name), value: inWords(one.error).what })).join(" · "), advice: inWords(refused[0]!.error).advice });
    });
    setProposing(false);
  };
  return (
    <section class="visit-regions" data-visit={drawn.visit.key}>
      {titled && <h3>{visitTitle(drawn.visit)}</h3>}
      {drawn.visit.study.value?.signed && <p class="note">{t("regions.signed")}</p>}
      {drawn.visit === first && <OnlyLooking />}
      {mayEdit.value && <Unsent drawn={drawn} />}
      {drawn.visit === first && may && <Hint />}
      <Conflicts drawn={drawn} />
      {mayEdit.value && <div class="row">
        <button type="button" disabled={!may || !drawn.undoable.value} aria-keyshortcuts="Control+Z" onClick={() => void step(drawn.visit, "undo")}>{t("regions.undo")}</button>
        <button type="button" disabled={!may || !drawn.redoable.value} aria-keyshortcuts="Control+Shift+Z" onClick={() => void step(drawn.visit, "redo")}>{t("regions.redo")}</button>
        <button type="button" data-act="new-lesion" disabled={!may} aria-pressed={selected.value === null} onClick={() => (selected.value = null)}>{t("regions.newLesion")}</button>
        {missing.length > 0 && (
          <button type="button" data-act="propose" disabled={!may || proposing} onClick={() => void propose()}>{proposing ? t("regions.proposing") : t("regions.proposeMissing")}</button>
        )}
      </div>}
      {drawn.failure.value !== null && <p class="warn" role="alert">{saying(drawn.failure.value)}</p>}
      <ul class="regions" aria-label={t("regions.title")}>
        {drawn.standing().map((region) => <Line key={region.name} drawn={drawn} region={region} />)}
      </ul>
      {drawn.standing().length === 0 && !drawn.loading.value && <p class="note">{t("regions.nothing")}</p>}
      <Deleted drawn={drawn} />
    </section>
  );
}

/** Regions from files: a label map with its names, a DICOM segmentation or structure set. */
function FromFiles({ drawn }: { drawn: Drawn }) {
  const [files, setFiles] = useState<readonly File[]>([]);
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const byHand = drawn.standing().filter((region) => region.origin === "drawn");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (byHand.length > 0 && !asking) return setAsking(true);
    setAsking(false);
    setBusy(true);
    if (await attempt(() => drawn.importFrom(files))) setFiles([]);
    setBusy(false);
  };
  const choose = (input: HTMLInputElement): void => {
    setFiles([...(input.files ?? [])]);
    setAsking(false);
    input.value = "";
  };
  return (
    <details class="from-file">
      <summary>{t("regions.fromFile")}</summary>
      <p class="hint">{t("regions.whichFiles")}</p>
      <form class="row" onSubmit={(event) => void submit(event)}>
        <label class="file">
          <span class="button">{t("regions.chooseFiles")}</span>
          <input type="file" multiple class="hidden" disabled={busy} onChange={(event) => choose(event.currentTarget)} />
        </label>
        {files.length > 0 && <span role="status">{files.map((file) => file.name).join(", ")}</span>}
        {asking && <p class="warn" role="alert">{t("regions.takeSure", { names: byHand.map((region) => nameOf(region.name)).join(", ") })}</p>}
        <button type="submit" data-act="take-file" disabled={files.length === 0 || busy}>{asking ? t("regions.takeYes") : t("regions.take")}</button>
        {asking && <button type="button" onClick={() => setAsking(false)}>{t("regions.takeNo")}</button>}
        {busy && <span role="status" class="busy">{t("regions.taking")} <progress aria-label={t("regions.taking")} /></span>}
      </form>
    </details>
  );
}

export function RegionsPanel() {
  const two = second.id.value !== null;
  return (
    <div class="regions-panel">
      <VisitRegions drawn={drawnOf(first)} titled={two} />
      {two && <VisitRegions drawn={drawnOf(second)} titled />}
      <Parts drawn={drawnOf(first)} />
      {mayDraw(first) && <AtCrosshair visit={first} />}
      {mayDraw(first) && <FromFiles drawn={drawnOf(first)} />}
    </div>
  );
}
