/** Hangs the drawing tools, panels and the study page into the page, and starts following regions and numbers. */

import { effect, untracked } from "@preact/signals";
import { CohortPage } from "../cohort/page";
import { t, type Key } from "../i18n";
import { keys } from "../keys";
import { pages } from "../page";
import { CurvesPanel } from "../panels/curves";
import { start as startNumbers } from "../panels/numbers";
import { ReportPanel } from "../panels/report";
import { ResultsPanel } from "../panels/results";
import { openPanel, panels, toolbar } from "../slots";
import { first, mayEdit, selected, tool, type Visit } from "../state";
import { activePane, layers, panes } from "../view/pane";
import { drawnFirst, drawnOf, drawnSecond, edit, start as startDesk, step } from "./desk";
import { draft, mayDraw, measuring, resize, tip } from "./draft";
import { regionsLayer } from "./layer";
import { RegionsPanel } from "./panel";
import { onGround } from "./hand";
import { closeSpline, takeBack } from "./outline_tools";
import { lesionAt, registerDrawing, take, type DrawingTool } from "./tools";
import "../style/read.css";

const ICONS: Record<DrawingTool, string> = {
  edit: "M5 3l13 9-6 1.500-3 6z",
  lesion: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 2v3M12 19v3M2 12h3M19 12h3",
  ellipse: "M12 6c5 0 9 2.700 9 6s-4 6-9 6-9-2.700-9-6 4-6 9-6z",
  spline: "M4 17C6 6 10 20 13 11s6-6 7-3M4 17h.01M20 8h.01M13 11h.01",
  freehand: "M4 18c3-9 5-12 8-12s1 6-1 8 1 5 4 3 3-6 5-7",
  brush: "M14 4l6 6-8 8H6v-6zM11 7l6 6",
  eraser: "M9 20h11M4 14l8-9 7 6-8 9H8z",
  move: "M8 8h8v8H8zM12 2v4M12 18v4M2 12h4M18 12h4",
  shift: "M7 5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM13 17h8M18 14l3 3-3 3M12 9h4",
  caliper: "M4 20L20 4M8 8l8 8M3 17l4 4M17 3l4 4",
};

const KEYS: Record<DrawingTool, string> = { edit: "e", lesion: "n", ellipse: "i", spline: "s", freehand: "h", brush: "b", eraser: "d", move: "j", shift: "k", caliper: "u" };

/** Buttons and keys of the drawing tools. Returns the way to take them away again. */
function registerTools(): () => void {
  const stops = (Object.keys(ICONS) as DrawingTool[]).flatMap((name, n) => {
    const title = (): string => t(`draw.${name}`);
    const button = toolbar.register({
      key: `draw-${name}`, icon: ICONS[name], title, shortcut: KEYS[name], group: "draw", order: 30 + n,
      action: () => take(name), pressed: () => tool.value === name, disabled: () => !mayDraw(first),
    });
    // One lesion after the other is clicked: the key pressed again starts the next, and never lets the click do nothing.
    return [button, keys.register({ combo: KEYS[name], title, action: () => take(name, { stay: name === "lesion" }) })];
  });
  return () => stops.forEach((stop) => stop());
}

function registerKeys(): () => void {
  const stops: (() => void)[] = [];
  const one = (combo: string, key: Key, action: () => void): void => void stops.push(keys.register({ combo, title: () => t(key), action }));
  // With two visits on the screen, the one that was drawn in last.
  const inHand = (): Visit => selected.value?.visit ?? first;
  one("Ctrl+z", "regions.undo", () => {
    if (!takeBack(false)) void step(inHand(), "undo");
  });
  one("Ctrl+Shift+z", "regions.redo", () => void step(inHand(), "redo"));
  one("Ctrl+y", "regions.redo", () => void step(inHand(), "redo"));
  one("[", "brush.smaller", () => (resize(0.8), layers.redraw()));
  one("]", "brush.larger", () => (resize(1.25), layers.redraw()));
  one("Enter", "draw.close", () => void closeSpline());
  one("Backspace", "draw.back", () => void takeBack(false));
  one("Escape", "draw.escape", () => {
    if (!takeBack(true)) tool.value = "point";
    layers.redraw();
  });
  one("Shift+n", "regions.lesionHere", () => {
    const pane = panes.value.find((each) => each.name === activePane.value) ?? panes.value[0];
    if (pane !== undefined && mayDraw(pane.visit) && onGround(pane)) lesionAt(pane, pane.visit.cross.value);
  });
  one("Delete", "regions.delete", () => {
    const now = selected.value;
    if (now !== null && mayDraw(now.visit) && drawnOf(now.visit).get(now.name) !== null) edit(now.visit, now.name, { kind: "delete" });
  });
  return () => stops.forEach((stop) => stop());
}

export function registerReading(): void {
  registerDrawing();
  effect(() => {
    // Who may only look gets no tools that would fail.
    if (!mayEdit.value) return undefined;
    const stops = untracked(() => [registerTools(), registerKeys()]);
    return () => untracked(() => stops.forEach((stop) => stop()));
  });
  panels.register({ key: "regions", title: () => t("regions.title"), component: RegionsPanel, order: 5 });
  panels.register({ key: "curves", title: () => t("curves.title"), component: CurvesPanel, order: 6 });
  panels.register({ key: "results", title: () => t("results.title"), component: ResultsPanel, order: 7 });
  panels.register({ key: "report", title: () => t("report.title"), component: ReportPanel, order: 8 });
  pages.register("cohort", CohortPage);
  layers.register("regions", regionsLayer);
  startDesk();
  startNumbers();
  effect(() => {
    // What the overlay shows follows regions, the selection and the tool; panes follow the rest themselves.
    for (const drawn of [drawnFirst, drawnSecond]) void [drawn.list.value, drawn.drawnAnew.value, drawn.hidden.value, drawn.waiting.value];
    void [selected.value, draft.value, tool.value, measuring.value, tip.value];
    layers.redraw();
  });
  effect(() => {
    // A study that opens shows its regions first.
    if (first.id.value !== null && openPanel.peek() === "protocol") openPanel.value = "regions";
  });
}
