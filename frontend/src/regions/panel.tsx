/** The list of regions with what can be done to each: show, select, rename, delete, earlier versions. */

import { signal, type Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { date, number, t } from "../i18n";
import { alarm, first, region as selected, said, second, tool, type Visit } from "../state";
import { activePane, panes, type Pane } from "../view/pane";
import { toPlane } from "../view/geometry";
import { lookAt } from "../view/pointer";
import { attempt, drawnOf, edit, outbox, step, unsent } from "./desk";
import { ball, LARGEST_MM, mayDraw, radius_mm, SMALLEST_MM } from "./draft";
import { PARTS, type Drawn } from "./drawn";
import { centre } from "./mask";
import { Conflicts } from "./conflicts";
import { nameOf, verb } from "./names";
import { dab, DRAWING, lesionAt, type DrawingTool } from "./tools";
import { FIXED_NAMES, VESSELS, type HistoryEntry, type Place, type Region } from "./types";

const opened: Signal<string | null> = signal(null);

/** Turns the panes to the middle of a region. */
export function show(visit: Visit, name: string): void {
  const held = drawnOf(visit).held(name);
  const middle = held === null ? null : centre(held.mask);
  if (middle !== null) lookAt(visit, middle);
}

function Unsent({ drawn }: { drawn: Drawn }) {
  const { count, away, kept } = unsent.value;
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
    </div>
  );
}

/** How the tool in hand is used. */
function Hint() {
  const now = (DRAWING as readonly string[]).includes(tool.value) ? (tool.value as DrawingTool) : null;
  return <p class="hint">{now === null ? t("hint.none") : `${t(`draw.${now}`)}. ${t(`hint.${now}`)}`}</p>;
}

function History({ drawn, region }: { drawn: Drawn; region: Region }) {
  const [entries, setEntries] = useState<HistoryEntry[] | null>(null);
  useEffect(() => {
    let gone = false;
    void attempt(async () => {
      const found = await drawn.history(region.name);
      if (!gone) setEntries(found.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : b.version - a.version)));
    });
    return () => {
      gone = true;
    };
  }, [region.name, region.version]);
  if (entries === null) return <p>{t("regions.loading")}</p>;
  return (
    <ol class="history" aria-label={t("regions.historyOf", { name: nameOf(region.name) })}>
      {entries.map((entry) => (
        <li key={entry.version}>
          <span>
            {entry.version > 0 ? `${t("regions.version", { n: entry.version })} · ` : ""}{entry.lost ? t("edit.lost", { kind: verb(entry.edit?.kind ?? entry.kind) }) : verb(entry.kind)} · {entry.who} · {date(entry.at, true)}
          </span>
          {entry.version === region.version ? (
            <em>{t("regions.current")}</em>
          ) : (
            mayDraw(drawn.visit) && (
              <button type="button" onClick={() => void attempt(() => drawn.restore(region.name, entry.version))}>
                {t("regions.restore")}
              </button>
            )
          )}
        </li>
      ))}
    </ol>
  );
}

function Rename({ drawn, region, done }: { drawn: Drawn; region: Region; done: () => void }) {
  const [text, setText] = useState(region.name.replace(/^lesion-/, ""));
  const name = `lesion-${text.trim().toLowerCase().replace(/^lesion-/, "")}`;
  // As the server names lesions: no part's name at the end, since parts are told apart by it.
  const good = /^lesion-[a-z0-9][a-z0-9-]{0,31}$/.test(name) && !/-(whole|vascular|rim|core|surround)$/.test(name) && (name === region.name || !drawn.list.value.some((one) => one.name === name));
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!good) return;
    if (name !== region.name) edit(drawn.visit, region.name, { kind: "rename", to: name });
    done();
  };
  return (
    <form class="rename" onSubmit={submit}>
      <label>
        {t("regions.newName")}
        <input value={text} maxLength={32} aria-invalid={!good} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" disabled={!good}>{t("regions.rename")}</button>
    </form>
  );
}

function Shifts({ drawn, region }: { drawn: Drawn; region: Region }) {
  if (!VESSELS.includes(region.kind)) return null;
  const pass = drawn.visit.pass.value;
  const here = region.shifts.find((shift) => shift.pass === pass);
  return (
    <div class="shifts">
      <p>
        {region.shifts.length === 0 ? t("shift.none") : t("shift.in")}{" "}
        {region.shifts.map((shift) => (
          <button type="button" key={shift.pass} class="chip" aria-pressed={shift.pass === pass} onClick={() => (drawn.visit.pass.value = shift.pass)}>
            {t("shift.pass", { n: shift.pass + 1, mm: number(Math.hypot(...shift.mm), 1) })}
          </button>
        ))}
      </p>
      {here !== undefined && mayDraw(drawn.visit) && (
        <button type="button" onClick={() => edit(drawn.visit, region.name, { kind: "shift", pass, mm: [0, 0, 0] })}>
          {t("shift.reset", { n: pass + 1 })}
        </button>
      )}
    </div>
  );
}

const NUDGES: readonly (readonly ["nudge.left" | "nudge.right" | "nudge.front" | "nudge.back" | "nudge.up" | "nudge.down", Place])[] = [
  ["nudge.right", [-1, 0, 0]],
  ["nudge.left", [1, 0, 0]],
  ["nudge.front", [0, -1, 0]],
  ["nudge.back", [0, 1, 0]],
  ["nudge.up", [0, 0, 1]],
  ["nudge.down", [0, 0, -1]],
];

/** Moves a region by a voxel without a mouse; vessels in this pass only with the shift tool in hand. */
function Nudge({ drawn, region }: { drawn: Drawn; region: Region }) {
  const shifting = tool.value === "shift" && VESSELS.includes(region.kind);
  const pass = drawn.visit.pass.value;
  const [step, down, across] = drawn.visit.images.value?.grid.spacing_mm ?? [1, 1, 1];
  const by = (way: Place): void => {
    const mm: Place = [way[0] * across, way[1] * down, way[2] * step];
    if (!shifting) return edit(drawn.visit, region.name, { kind: "move", mm });
    const kept = region.shifts.find((shift) => shift.pass === pass)?.mm ?? [0, 0, 0];
    edit(drawn.visit, region.name, { kind: "shift", pass, mm: kept.map((value, n) => value + mm[n]!) as unknown as Place });
  };
  return (
    <div class="nudge" role="group" aria-label={shifting ? t("nudge.shift", { n: pass + 1 }) : t("nudge.move")}>
      <span aria-hidden="true">{shifting ? t("nudge.shift", { n: pass + 1 }) : t("nudge.move")}:</span>
      {NUDGES.map(([key, way]) => (
        <button type="button" key={key} onClick={() => by(way)}>{t(key)}</button>
      ))}
    </div>
  );
}

function Details({ drawn, region }: { drawn: Drawn; region: Region }) {
  const [renaming, setRenaming] = useState(false);
  const [history, setHistory] = useState(false);
  const may = mayDraw(drawn.visit);
  const keys = Object.keys(region.shapes).map(Number).sort((a, b) => a - b);
  const axial = drawn.visit.images.value?.planes.axial;
  return (
    <div class="details">
      <p>
        {t(`origin.${region.origin}`)}
        {region.by ? ` · ${region.by}` : ""} · {date(region.at, true)} · {t("regions.version", { n: region.version })}
      </p>
      {region.caliper !== null && <p>{t("caliper.is", { long: number(region.caliper.long_mm, 1), short: number(region.caliper.short_mm, 1) })}</p>}
      {region.identity !== null && <p>{t("identity.is", { lesion: nameOf(region.identity.lesion) })}</p>}
      {keys.length > 0 && axial !== undefined && (
        <p>
          {t("regions.keySlices")}{" "}
          {keys.map((k) => (
            <button type="button" key={k} class="chip" onClick={() => lookAt(drawn.visit, [k, drawn.visit.cross.value[1], drawn.visit.cross.value[2]])}>
              {Math.round(toPlane(axial, [k, 0, 0])[0]) + 1}
            </button>
          ))}
        </p>
      )}
      <Shifts drawn={drawn} region={region} />
      {may && <Nudge drawn={drawn} region={region} />}
      <div class="row">
        {may && region.kind === "lesion" && <button type="button" aria-expanded={renaming} onClick={() => setRenaming(!renaming)}>{t("regions.rename")}</button>}
        {may && region.kind === "lesion" && region.caliper === null && region.voxels > 0 && (
          <button
            type="button"
            data-act="caliper-propose"
            onClick={() =>
              void attempt(async () => {
                const caliper = await drawn.calipered(region.name);
                if (caliper === null) said.value = t("caliper.noProposal");
                else edit(drawn.visit, region.name, { kind: "caliper", caliper });
              })
            }
          >
            {t("caliper.propose")}
          </button>
        )}
        {may && region.caliper !== null && <button type="button" onClick={() => edit(drawn.visit, region.name, { kind: "caliper", caliper: null })}>{t("caliper.remove")}</button>}
        {may && region.kind !== "lesion" && <button type="button" onClick={() => edit(drawn.visit, region.name, { kind: "propose" })}>{t("regions.proposeAgain")}</button>}
        <button type="button" data-act="history" aria-expanded={history} onClick={() => setHistory(!history)}>{t("regions.history")}</button>
        {may && <button type="button" class="danger" onClick={() => edit(drawn.visit, region.name, { kind: "delete" })}>{t("regions.delete")}</button>}
      </div>
      {renaming && <Rename drawn={drawn} region={region} done={() => setRenaming(false)} />}
      {history && <History drawn={drawn} region={region} />}
    </div>
  );
}

function Line({ drawn, region }: { drawn: Drawn; region: Region }) {
  const visible = !drawn.hidden.value.has(region.name);
  const chosen = selected.value === region.name;
  const waits = drawn.waiting.value.some((entry) => entry.region === region.name);
  const choose = (): void => {
    selected.value = region.name;
    show(drawn.visit, region.name);
  };
  return (
    <li class={chosen ? "chosen" : ""} data-region={region.name}>
      <div class="line">
        <button type="button" class="eye" aria-pressed={visible} aria-label={t("regions.visible", { name: nameOf(region.name) })} onClick={() => drawn.show(region.name, !visible)}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d={visible ? "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12ZM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z" : "M3 3l18 18M2 12s4-7 10-7c2 0 4 .7 5.500 1.800M22 12s-4 7-10 7c-2 0-4-.7-5.500-1.800"} /></svg>
        </button>
        <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" fill={drawn.colour(region.name)} /></svg>
        <button type="button" class="name" aria-pressed={chosen} onClick={choose}>{nameOf(region.name)}</button>
        <span class="volume">{region.voxels === 0 ? t("regions.empty") : `${number(region.volume_ml, region.volume_ml < 10 ? 1 : 0)} ml`}</span>
        <span class={`origin ${region.origin}`}>{waits ? t("regions.waits") : t(`origin.short.${region.origin}`)}</span>
        <button type="button" class="more" aria-expanded={opened.value === region.name} aria-label={t("regions.more", { name: nameOf(region.name) })} onClick={() => (opened.value = opened.value === region.name ? null : region.name)}>⋯</button>
      </div>
      {opened.value === region.name && <Details drawn={drawn} region={region} />}
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
    if (pane !== undefined) run(pane);
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
      if (refused.length > 0) alarm.value = { code: refused[0]!.error.code, what: refused.map((one) => `${nameOf(one.name)}: ${one.error.what}`).join("; "), advice: refused[0]!.error.advice };
    });
    setProposing(false);
  };
  return (
    <section class="visit-regions" data-visit={drawn.visit.key}>
      {titled && <h3>{drawn.visit.study.value?.label ?? ""}</h3>}
      {drawn.visit.study.value?.signed && <p class="note">{t("regions.signed")}</p>}
      <Unsent drawn={drawn} />
      {drawn.visit === first && may && <Hint />}
      <Conflicts drawn={drawn} />
      <div class="row">
        <button type="button" disabled={!may || !drawn.undoable.value} aria-keyshortcuts="Control+Z" onClick={() => void step(drawn.visit, "undo")}>{t("regions.undo")}</button>
        <button type="button" disabled={!may || !drawn.redoable.value} aria-keyshortcuts="Control+Shift+Z" onClick={() => void step(drawn.visit, "redo")}>{t("regions.redo")}</button>
        <button type="button" data-act="new-lesion" disabled={!may} aria-pressed={selected.value === null} onClick={() => (selected.value = null)}>{t("regions.newLesion")}</button>
        {missing.length > 0 && (
          <button type="button" data-act="propose" disabled={!may || proposing} onClick={() => void propose()}>{proposing ? t("regions.proposing") : t("regions.proposeMissing")}</button>
        )}
      </div>
      {drawn.failure.value !== null && <p class="warn" role="alert">{drawn.failure.value.what}</p>}
      <ul class="regions" aria-label={t("regions.title")}>
        {drawn.standing().map((region) => <Line key={region.name} drawn={drawn} region={region} />)}
      </ul>
      {drawn.standing().length === 0 && !drawn.loading.value && <p class="note">{t("regions.nothing")}</p>}
      <Deleted drawn={drawn} />
    </section>
  );
}

/** Regions from a file: a label map with its names, a DICOM segmentation or structure set. */
function FromFile({ drawn }: { drawn: Drawn }) {
  const [path, setPath] = useState("");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await attempt(() => drawn.importFrom(path.trim()))) setPath("");
  };
  return (
    <details class="from-file">
      <summary>{t("regions.fromFile")}</summary>
      <form class="row" onSubmit={(event) => void submit(event)}>
        <label>{t("regions.filePath")}<input value={path} required onInput={(event) => setPath(event.currentTarget.value)} /></label>
        <button type="submit">{t("regions.take")}</button>
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
      {mayDraw(first) && <FromFile drawn={drawnOf(first)} />}
    </div>
  );
}
