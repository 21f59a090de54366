/** Edits that met another's: who changed what, both side by side, and the choice. Also edits the server would not take. */

import { useEffect, useRef } from "preact/hooks";
import { date, number, t } from "../i18n";
import { saying } from "../i18n/errors";
import { outbox } from "./desk";
import type { Drawn } from "./drawn";
import { nameOf, verb } from "./names";
import type { Waiting } from "./outbox";
import { lineOf } from "./shapes";
import { outlines } from "./outline";
import { section } from "./mask";
import type { Point } from "./types";

/** A small picture of outlines in (row, column), scaled to fit; the one edited slice, theirs solid and mine dashed. */
function Picture({ theirs, mine, colour, label }: { theirs: readonly Point[][]; mine: readonly { points: readonly Point[]; width: number }[]; colour: string; label: string }) {
  const all = [...theirs.flat(), ...mine.flatMap((one) => one.points)];
  if (all.length === 0) return null;
  const [rows, columns] = [all.map((point) => point[0]), all.map((point) => point[1])];
  const [top, left] = [Math.min(...rows) - 3, Math.min(...columns) - 3];
  const [height, width] = [Math.max(...rows) - top + 3, Math.max(...columns) - left + 3];
  const d = (points: readonly Point[]): string => `M${points.map(([row, column]) => `${column} ${row}`).join("L")}`;
  return (
    <svg class="conflict-picture" viewBox={`${left} ${top} ${width} ${height}`} role="img" aria-label={label}>
      {theirs.map((line) => <path class="theirs" d={`${d(line)}Z`} stroke={colour} />)}
      {mine.map((one) => <path class={one.width > 0 ? "mine wide" : "mine"} d={one.points.length === 1 ? `${d(one.points)}h0.01` : d(one.points)} stroke={colour} stroke-width={one.width > 0 ? one.width : undefined} />)}
    </svg>
  );
}

/** Where an edit is drawn: its plane, slice and lines there. */
function linesOf(entry: Waiting, drawn: Drawn): { plane: "axial" | "coronal" | "sagittal"; index: number; lines: { points: readonly Point[]; width: number }[] } | null {
  const planes = drawn.visit.images.value?.planes;
  if (planes === undefined) return null;
  if (entry.edit.kind === "brush") {
    const plane = planes[entry.edit.plane];
    return { plane: entry.edit.plane, index: entry.edit.index, lines: [{ points: entry.edit.path, width: (2 * entry.edit.radius_mm) / plane.row_mm }] };
  }
  if (entry.edit.kind !== "shapes") return null;
  const [k, shape] = Object.entries(entry.edit.shapes).find(([, one]) => one !== null) ?? [];
  if (k === undefined || !shape) return null;
  return { plane: "axial", index: Number(k), lines: [{ points: [...lineOf(shape), lineOf(shape)[0]!], width: 0 }] };
}

function Clash({ drawn, entry }: { drawn: Drawn; entry: Waiting }) {
  const theirs = entry.theirs;
  const place = linesOf(entry, drawn);
  const held = drawn.held(entry.region);
  const mapping = place === null ? undefined : drawn.visit.images.value?.planes[place.plane].to_voxel;
  const part = place === null || held === null || mapping === undefined ? null : section(held.mask, mapping, place.index);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const followers = drawn.waiting.value.filter((one) => one.region === entry.region && one.id !== entry.id).length;
  return (
    <div class="clash" role="group" aria-label={t("conflict.title", { name: nameOf(entry.region) })}>
      <h4 ref={heading} tabIndex={-1}>{t("conflict.title", { name: nameOf(entry.region) })}</h4>
      <dl>
        <dt>{t("conflict.theirs")}</dt>
        <dd>
          {theirs === null ? "" : `${theirs.by} · ${date(theirs.at, true)} · ${t("regions.version", { n: theirs.version })} · ${theirs.deleted ? t("edit.delete") : `${number(theirs.volume_ml, 1)} mL`}`}
        </dd>
        <dt>{t("conflict.mine")}</dt>
        <dd>
          {verb(entry.edit.kind)} · {date(entry.at, true)}
          {followers > 0 ? ` · ${t("conflict.more", { n: followers })}` : ""}
        </dd>
      </dl>
      {place !== null && <Picture theirs={part === null ? [] : outlines(part)} mine={place.lines} colour={drawn.colour(entry.region)} label={t("conflict.picture")} />}
      <p class="note">{t("conflict.explain")}</p>
      <div class="row">
        <button type="button" data-act="mine" onClick={() => outbox.again(entry.id)}>{t("conflict.reapply")}</button>
        <button type="button" data-act="theirs" onClick={() => outbox.giveUp(entry.id)}>{t("conflict.take")}</button>
      </div>
    </div>
  );
}

function Refused({ drawn, entry }: { drawn: Drawn; entry: Waiting }) {
  const seen = drawn.list.value.find((region) => region.name === entry.region)?.version ?? 0;
  return (
    <div class="clash" role="group" aria-label={t("refused.title", { name: nameOf(entry.region) })}>
      <h4>{t("refused.title", { name: nameOf(entry.region) })}</h4>
      <p>
        {verb(entry.edit.kind)}: <strong>{entry.reason === null ? "" : saying(entry.reason)}</strong>
      </p>
      <div class="row">
        <button type="button" onClick={() => outbox.again(entry.id, seen)}>{t("refused.again")}</button>
        <button type="button" class="danger" onClick={() => outbox.giveUp(entry.id)}>{t("refused.discard")}</button>
      </div>
    </div>
  );
}

export function Conflicts({ drawn }: { drawn: Drawn }) {
  const waiting = drawn.waiting.value;
  const held = waiting.filter((entry) => entry.state !== "waiting");
  if (held.length === 0) return null;
  return (
    <div class="conflicts" role="alert">
      {held.map((entry) => (entry.state === "clash" ? <Clash key={entry.id} drawn={drawn} entry={entry} /> : <Refused key={entry.id} drawn={drawn} entry={entry} />))}
    </div>
  );
}
