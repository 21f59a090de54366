/** What can be done to one region: rename, delete, move by a voxel, caliper, shifts of a vessel, earlier versions. */

import { useEffect, useState } from "preact/hooks";
import { date, number, t } from "../i18n";
import { said, tool } from "../state";
import { toPlane } from "../view/geometry";
import { lookAt } from "../view/pointer";
import { attempt, edit } from "./desk";
import { mayDraw } from "./draft";
import type { Drawn } from "./drawn";
import { Given } from "./given";
import { nameOf, verb } from "./names";
import { VESSELS, type HistoryEntry, type Place, type Region } from "./types";

function History({ drawn, region }: { drawn: Drawn; region: Region }) {
  const [entries, setEntries] = useState<HistoryEntry[] | null>(null);
  useEffect(() => {
    let gone = false;
    void attempt(async () => {
      const found = await drawn.history(region.name);
      if (!gone) setEntries(found.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : b.version - a.version)));
    }, { background: true });
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
      <span aria-hidden="true">{t("pair", { what: shifting ? t("nudge.shift", { n: pass + 1 }) : t("nudge.move"), value: "" })}</span>
      {NUDGES.map(([key, way]) => (
        <button type="button" key={key} onClick={() => by(way)}>{t(key)}</button>
      ))}
    </div>
  );
}

export function Details({ drawn, region }: { drawn: Drawn; region: Region }) {
  const [renaming, setRenaming] = useState(false);
  const [history, setHistory] = useState(false);
  const may = mayDraw(drawn.visit);
  const axial = drawn.visit.images.value?.planes.axial;
  return (
    <div class="details">
      <p>
        {t(`origin.${region.origin}`)}
        {region.by ? ` · ${region.by}` : ""} · {date(region.at, true)} · {t("regions.version", { n: region.version })}
      </p>
      {region.caliper !== null && <p>{t("caliper.is", { long: number(region.caliper.long_mm, 1), short: number(region.caliper.short_mm, 1) })}</p>}
      {region.identity !== null && <p>{t("identity.is", { lesion: nameOf(region.identity.lesion) })}</p>}
      {region.slices.length > 0 && axial !== undefined && (
        <p>
          {t("regions.keySlices")}{" "}
          {region.slices.map((k) => (
            <button type="button" key={k} class="chip" onClick={() => lookAt(drawn.visit, [k, drawn.visit.cross.value[1], drawn.visit.cross.value[2]])}>
              {Math.round(toPlane(axial, [k, 0, 0])[0]) + 1}
            </button>
          ))}
        </p>
      )}
      {region.kind === "lesion" && <Given drawn={drawn} region={region} />}
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
