/** What stands in a pane's corners and at its edges: directions, slice, time, window. */
import type { ReadonlySignal } from "@preact/signals";
import { number, t } from "../i18n";
import { fade, windowing } from "../state";
import { edges } from "./geometry";
import { mapPath, scaleOf } from "./overlay";
import { otherSet } from "./visit";
import { slicePath, type PaneProps } from "./pane";
import { mapSlices, slices } from "./slices";

const NOTHING = -32768;

/** HU and the map's value under the pointer, read from the slices that are shown. */
function Pointed({ visit, plane, map, pointed }: Props) {
  const at = pointed.value;
  const images = visit.images.value;
  if (at === null || images === null) return null;
  const { rows, columns } = images.planes[plane];
  const [row, column] = [Math.round(at[0]), Math.round(at[1])];
  if (row < 0 || column < 0 || row >= rows || column >= columns) return null;
  const n = row * columns + column;
  const slice = slices.peek(slicePath(visit, images, plane, visit.pass.value, visit.indices[plane].value));
  const hu = slice === null ? NOTHING : new Int16Array(slice)[n]!;
  const over = map.value === null ? null : mapPath(visit, plane, map.value);
  const values = over === null ? null : mapSlices.peek(over);
  const value = values === null ? NaN : new Float32Array(values)[n]!;
  const scale = map.value === null ? null : scaleOf(map.value, visit);
  // The standard deviations are there while uncertain values fade.
  const beside = fade.value && over !== null ? mapSlices.peek(mapPath(visit, plane, `${map.value!}_sd`)) : null;
  const sd = beside === null ? NaN : new Float32Array(beside)[n]!;
  return (
    <span class="corner top-right">
      {hu === NOTHING ? "" : `${number(hu)} ${t("unit.hu")}`}
      {scale !== null && Number.isFinite(value) ? ` · ${scale.symbol} ${number(value, scale.decimals)}${Number.isFinite(sd) ? ` ± ${number(sd, scale.decimals)}` : ""} ${scale.unit}` : ""}
    </span>
  );
}

type Props = PaneProps & { pointed: ReadonlySignal<[number, number] | null> };

export function Corners(props: Props) {
  const { visit, plane, map, titled } = props;
  const images = visit.images.value;
  if (images === null) return null;
  const pass = visit.pass.value;
  const time = images.times_s[pass];
  const sides = edges(images.planes[plane]);
  return (
    <div class="corners" aria-hidden="true">
      {(["up", "left", "right", "down"] as const).map((side) => (
        <span key={side} class={`edge ${side}`}>{sides[side].map((end) => t(`edge.${end}`)).join("")}</span>
      ))}
      <span class="corner top-left">
        {titled && map.value !== null ? scaleOf(map.value, visit).symbol : t(`plane.${plane}`)} {visit.indices[plane].value + 1}/{images.planes[plane].count}
      </span>
      <Pointed {...props} />
      <span class="corner bottom-left">
        {map.value !== null && visit.set.value === "acquired" && otherSet(visit) !== null && <em>{t("view.map.apart")}</em>}
        {t("view.pass", { n: pass + 1, of: images.passes })}
        {time === undefined ? "" : ` · ${number(time, 1)} s`}
        {images.excluded.includes(pass) ? ` · ${t("view.excluded")}` : ""}
      </span>
      <span class="corner bottom-right">
        {t("view.window.short", { level: windowing.value.level, width: windowing.value.width })}
      </span>
    </div>
  );
}
