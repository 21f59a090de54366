/** What stands in a pane's corners and at its edges: directions, slice, time, window. */
import { number, t } from "../i18n";
import { windowing } from "../state";
import { edges } from "./geometry";
import { scaleOf } from "./overlay";
import type { PaneProps } from "./pane";

export function Corners({ visit, plane, map, titled }: PaneProps) {
  const images = visit.images.value;
  if (images === null) return null;
  const pass = visit.pass.value;
  const time = images.times_s[pass];
  const { up, left, right, down } = edges(images.planes[plane]);
  return (
    <div class="corners" aria-hidden="true">
      <span class="edge up">{t(`edge.${up}`)}</span>
      <span class="edge left">{t(`edge.${left}`)}</span>
      <span class="edge right">{t(`edge.${right}`)}</span>
      <span class="edge down">{t(`edge.${down}`)}</span>
      <span class="corner top-left">
        {titled && map.value !== null ? scaleOf(map.value).name : t(`plane.${plane}`)} {visit.indices[plane].value + 1}/{images.planes[plane].count}
      </span>
      <span class="corner bottom-left">
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
