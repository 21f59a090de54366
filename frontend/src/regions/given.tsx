/** What a reader gives of a lesion for the criteria that no voxel decides: its morphology group, and what of it enhances in the arterial phase. */

import { useEffect, useState } from "preact/hooks";
import { number, t } from "../i18n";
import { reader, said } from "../state";
import { fromMillimetres } from "../view/geometry";
import { lookAt } from "../view/pointer";
import { setPass } from "../view/time";
import { attempt, choose, edit } from "./desk";
import { mayDraw } from "./draft";
import type { Drawn } from "./drawn";
import { offGround } from "./hand";
import { takeViable } from "./tools";
import type { Group, Region, Viable } from "./types";
import { toggleSet } from "../view/visit";

const GROUPS: readonly Group[] = [1, 2, 3];

/** The enhancing part in words. */
export function viableText(viable: Viable | null): string {
  if (viable === null) return t("viable.not");
  if (viable.long_mm === 0) return t("viable.nothing");
  const long = number(viable.long_mm, 1);
  const sizes = viable.short_mm === null ? t("viable.one", { long }) : t("viable.sizes", { long, short: number(viable.short_mm, 1) });
  const where = viable.axes === null ? t("viable.typed") : viable.pass === null ? "" : t("viable.pass", { n: viable.pass + 1 });
  return where === "" ? sizes : `${sizes}, ${where}`;
}

function Morphology({ drawn, region }: { drawn: Drawn; region: Region }) {
  const mine = region.morphology.find((one) => one.reader === reader.value)?.group ?? null;
  const others = region.morphology.filter((one) => one.reader !== reader.value);
  const give = (value: string): void => edit(drawn.visit, region.name, { kind: "morphology", group: GROUPS.find((one) => String(one) === value) ?? null });
  return (
    <>
      <label>
        {t("given.group")}{" "}
        <select data-act="morphology" disabled={!mayDraw(drawn.visit)} value={mine === null ? "" : String(mine)} onChange={(event) => give(event.currentTarget.value)}>
          <option value="">{t("given.group.none")}</option>
          {GROUPS.map((group) => <option key={group} value={String(group)}>{t(`given.group.${group}`)}</option>)}
        </select>
      </label>
      {others.map((one) => <p key={one.reader}>{t("given.other", { reader: one.reader, n: one.group })}</p>)}
      <details>
        <summary>{t("given.which")}</summary>
        <dl>{GROUPS.map((group) => [<dt key={`${group}`}>{t(`given.group.${group}`)}</dt>, <dd key={`${group} is`}>{t(`given.which.${group}`)}</dd>])}</dl>
      </details>
    </>
  );
}

/** Sizes in mm for hands on the keyboard, or measured on other images. */
function Sizes({ drawn, region }: { drawn: Drawn; region: Region }) {
  const [long, setLong] = useState("");
  const [short, setShort] = useState("");
  useEffect(() => {
    setLong("");
    setShort("");
  }, [region.name, region.viable]);
  const submit = (event: Event): void => {
    event.preventDefault();
    edit(drawn.visit, region.name, { kind: "viable", viable: { long_mm: Number(long), short_mm: short === "" ? null : Number(short) } });
  };
  return (
    <form class="row sizes" onSubmit={submit}>
      <label>{t("viable.long")} <input name="viable-long" type="number" required min={0.1} max={500} step={0.1} value={long} onInput={(event) => setLong(event.currentTarget.value)} /></label>
      <label>{t("viable.short")} <input name="viable-short" type="number" min={0.1} max={long === "" ? 500 : long} step={0.1} value={short} onInput={(event) => setShort(event.currentTarget.value)} /></label>
      <button type="submit" data-act="viable-enter">{t("viable.enter")}</button>
    </form>
  );
}

/** Proposes the axes on the pass that they rest on, and turns the panes there: the reader checks them against the image. */
async function propose(drawn: Drawn, region: Region): Promise<void> {
  const { axes, passes } = await drawn.enhancing(region.name);
  const pass = passes.at(-1);
  if (axes === null || pass === undefined) {
    said.value = t("viable.noProposal");
    return;
  }
  const { visit } = drawn;
  if (offGround(visit)) toggleSet(visit);
  setPass(visit, pass);
  const plane = visit.images.value?.planes.axial;
  const middle = axes.long[0].map((value, n) => (value + axes.long[1][n]!) / 2) as [number, number, number];
  if (plane !== undefined) lookAt(visit, fromMillimetres(plane, middle));
  edit(visit, region.name, { kind: "viable", viable: { long: axes.long, short: axes.short } });
  said.value = t("viable.proposed", { n: pass + 1 });
}

export function Given({ drawn, region }: { drawn: Drawn; region: Region }) {
  const [told, setTold] = useState("");
  const [asking, setAsking] = useState(false);
  useEffect(() => setTold(""), [region.name]);
  const may = mayDraw(drawn.visit);
  const give = (viable: { long_mm: number; short_mm: number } | null): void => {
    setTold("");
    edit(drawn.visit, region.name, { kind: "viable", viable });
  };
  const ask = async (): Promise<void> => {
    setAsking(true);
    if (await attempt(() => propose(drawn, region))) setTold(said.value);
    setAsking(false);
  };
  const measure = (): void => {
    choose(drawn.visit, region.name);
    takeViable();
  };
  return (
    <fieldset class="given" data-given={region.name}>
      <legend>{t("given.title")}</legend>
      <Morphology drawn={drawn} region={region} />
      <p><span id={`viable-${region.name}`}>{t("viable.title")}</span>: <strong data-viable>{viableText(region.viable)}</strong></p>
      {told !== "" && <p class="note">{told}</p>}
      {may && (
        <div class="row" role="group" aria-labelledby={`viable-${region.name}`}>
          <button type="button" data-act="viable-propose" disabled={asking || region.voxels === 0} onClick={() => void ask()}>{t("viable.propose")}</button>
          <button type="button" data-act="viable-measure" onClick={measure}>{t("viable.measure")}</button>
          <button type="button" data-act="viable-none" onClick={() => give({ long_mm: 0, short_mm: 0 })}>{t("viable.none")}</button>
          {region.viable !== null && <button type="button" data-act="viable-remove" onClick={() => give(null)}>{t("viable.remove")}</button>}
        </div>
      )}
      {may && <Sizes drawn={drawn} region={region} />}
    </fieldset>
  );
}
