/** An outline far from the slices of the selected lesion: the slices between would be filled in, so the reader is asked whether it is a new one. */

import { render } from "preact";
import { t } from "../i18n";
import type { Visit } from "../state";
import { choose, drawnOf, edit } from "./desk";
import { nameOf } from "./names";
import type { Region, Shape } from "./types";

/** So many slices without an outline between two that belong together are usual. */
const USUAL_BETWEEN = 3;

/** How many slices lie between a region and slice k; 0 where it touches or is empty. */
export function slicesBetween({ box, voxels }: Pick<Region, "box" | "voxels">, k: number): number {
  if (voxels === 0) return 0;
  return Math.max(0, box[0] - k - 1, k - box[1]);
}

/** Draws an outline into a region; asks first where that would bridge many slices of a lesion. */
export function outlined(visit: Visit, name: string, k: number, shape: Shape): void {
  const region = drawnOf(visit).get(name);
  const draw = (into: string): void => edit(visit, into, { kind: "shapes", shapes: { [k]: shape } });
  const between = region === null || region.kind !== "lesion" ? 0 : slicesBetween(region, k);
  if (between <= USUAL_BETWEEN) return draw(name);
  ask(name, between, (anew) => {
    const into = anew ? drawnOf(visit).freeLesion() : name;
    choose(visit, into);
    draw(into);
  });
}

function ask(name: string, between: number, answer: (anew: boolean) => void): void {
  const dialog = document.createElement("dialog");
  dialog.className = "far-outline";
  dialog.setAttribute("aria-labelledby", "far-outline-title");
  const say = { name: nameOf(name), n: between };
  render(
    <>
      <h2 id="far-outline-title">{t("far.title")}</h2>
      <p>{t("far.what", say)}</p>
      <div class="answers">
        <button type="button" data-act="far-new" autofocus onClick={() => dialog.close("new")}>{t("regions.newLesion")}</button>
        <button type="button" data-act="far-same" onClick={() => dialog.close("same")}>{t("far.same", say)}</button>
      </div>
    </>,
    dialog,
  );
  // Closed by Escape it is a new lesion: what was drawn is kept, and the one that was there stays as it is.
  dialog.addEventListener("close", () => {
    answer(dialog.returnValue !== "same");
    render(null, dialog);
    dialog.remove();
  });
  // The room's keys rest while it asks.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  document.body.append(dialog);
  dialog.showModal();
}
