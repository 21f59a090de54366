/** The viewer's own buttons and keys. */
import { batch } from "@preact/signals";
import type { PlaneName, Study } from "../api";
import { t, type Key } from "../i18n";
import { keys, type Shortcut } from "../keys";
import { go } from "../router";
import { toolbar, type ToolButton } from "../slots";
import { bigPlane, crosshair, first, layout, map, opacity, playing, second, studies, tool, windowing, type Layout } from "../state";
import { fromPlane, toPlane } from "./geometry";
import { clearLengths, lengths } from "./length";
import { linkFrom } from "./link";
import { activePane, panes, type Pane } from "./pane";
import { lookAt, pan, registerPointerTools, resetCameras, scroll, zoom } from "./pointer";
import { stepPass } from "./time";
import { hasCome, toggleSet } from "./visit";

function active(): Pane | undefined {
  return panes.value.find((pane) => pane.name === activePane.value) ?? panes.value[0];
}

function withActive(act: (pane: Pane) => void): () => void {
  return () => {
    const pane = active();
    if (pane !== undefined) act(pane);
  };
}

/** The visit to stand beside the open one: the one before it in time, else the one after. */
export function neighbour(study: Study | null, list: readonly Study[]): Study | null {
  if (study === null || study.patient_key === "") return null;
  const others = list.filter((one) => one.patient_key === study.patient_key && one.id !== study.id && hasCome(one));
  const before = others.filter((one) => one.visit < study.visit).sort((a, b) => b.visit - a.visit);
  return before[0] ?? others.sort((a, b) => a.visit - b.visit)[0] ?? null;
}

export function setLayout(chosen: Layout): void {
  const beside = chosen === "visits" && second.id.value === null ? neighbour(first.study.value, studies.value) : null;
  if (beside !== null) go(`#/study/${first.id.value}/with/${beside.id}`);
  if (chosen === "visits" && second.id.value === null) return;
  if (chosen === "maps" && first.maps.value === null) return;
  layout.value = chosen;
  if (chosen === "visits") linkFrom(first);
}

let hidden: string | null = null;
/** Takes the map away and, pressed again, lays the same one back. */
function toggleMap(): void {
  const keep = map.value;
  map.value = keep === null ? (hidden ?? first.maps.value?.maps[0]?.key ?? null) : null;
  hidden = keep;
}

function preset(n: number): void {
  const window = first.images.value?.windows[n];
  if (window !== undefined) windowing.value = { level: window.level, width: window.width };
}

function reset(): void {
  batch(() => {
    resetCameras();
    preset(0);
    tool.value = "point";
    clearLengths();
  });
}

/** Moves the crosshair within the active pane's slice, by pixels down and to the right. */
function step(down: number, right: number): () => void {
  return withActive((pane) => {
    const plane = pane.shape();
    if (plane === null) return;
    const [index, row, column] = toPlane(plane, pane.visit.cross.value);
    lookAt(pane.visit, fromPlane(plane, [index, row + down, column + right]));
  });
}

const PLANES: PlaneName[] = ["axial", "coronal", "sagittal"];

/** The next plane in the large view; from three planes side by side, the one after the active pane's becomes large. */
export function nextPlane(): void {
  const from = layout.value === "planes" ? (active()?.plane ?? bigPlane.value) : bigPlane.value;
  batch(() => {
    bigPlane.value = PLANES[(PLANES.indexOf(from) + 1) % PLANES.length]!;
    if (layout.value === "planes") setLayout("one");
  });
}

function shortcuts(): Shortcut[] {
  const one = (combo: string, key: Key, action: () => void): Shortcut => ({ combo, title: () => t(key), action });
  return [
    one("ArrowUp", "key.up", withActive((pane) => scroll(pane.visit, pane.plane, -1))),
    one("ArrowDown", "key.down", withActive((pane) => scroll(pane.visit, pane.plane, 1))),
    one("PageUp", "key.pageup", withActive((pane) => scroll(pane.visit, pane.plane, -10))),
    one("PageDown", "key.pagedown", withActive((pane) => scroll(pane.visit, pane.plane, 10))),
    one("ArrowLeft", "key.left", () => stepPass(first, -1)),
    one("ArrowRight", "key.right", () => stepPass(first, 1)),
    one("space", "key.play", () => (playing.value = !playing.value)),
    ...[0, 1, 2, 3, 4, 5].map((n): Shortcut => ({ combo: String(n + 1), title: () => t("key.preset"), action: () => preset(n) })),
    one("c", "tool.point", () => (tool.value = "point")),
    one("w", "tool.window", () => (tool.value = "window")),
    one("z", "tool.zoom", () => (tool.value = "zoom")),
    one("p", "tool.pan", () => (tool.value = "pan")),
    one("l", "tool.length", () => (tool.value = "length")),
    one("Escape", "key.escape", () => (tool.value = "point")),
    one("x", "tool.crosshair", () => (crosshair.value = !crosshair.value)),
    one("o", "key.map", toggleMap),
    one(",", "key.fainter", () => (opacity.value = Math.max(0, opacity.value - 0.1))),
    one(".", "key.stronger", () => (opacity.value = Math.min(1, opacity.value + 0.1))),
    one("m", "key.motion", () => toggleSet(first)),
    one("+", "key.in", withActive((pane) => zoom(pane, 1.25))),
    one("-", "key.out", withActive((pane) => zoom(pane, 0.8))),
    one("Shift+ArrowLeft", "key.pan", withActive((pane) => pan(pane, 40, 0))),
    one("Shift+ArrowRight", "key.pan", withActive((pane) => pan(pane, -40, 0))),
    one("Shift+ArrowUp", "key.pan", withActive((pane) => pan(pane, 0, 40))),
    one("Shift+ArrowDown", "key.pan", withActive((pane) => pan(pane, 0, -40))),
    one("Ctrl+ArrowLeft", "key.step", step(0, -1)),
    one("Ctrl+ArrowRight", "key.step", step(0, 1)),
    one("Ctrl+ArrowUp", "key.step", step(-1, 0)),
    one("Ctrl+ArrowDown", "key.step", step(1, 0)),
    one("Ctrl+Shift+ArrowLeft", "key.leap", step(0, -10)),
    one("Ctrl+Shift+ArrowRight", "key.leap", step(0, 10)),
    one("Ctrl+Shift+ArrowUp", "key.leap", step(-10, 0)),
    one("Ctrl+Shift+ArrowDown", "key.leap", step(10, 0)),
    one("f", "key.one", withActive((pane) => {
      bigPlane.value = pane.plane;
      setLayout(layout.value === "one" ? "planes" : "one");
    })),
    one("g", "layout.planes", () => setLayout("planes")),
    one("q", "layout.maps", () => setLayout("maps")),
    one("v", "layout.visits", () => setLayout("visits")),
    one("t", "key.plane", nextPlane),
    one("r", "key.reset", reset),
  ];
}

const ICONS = {
  point: "M12 2v7M12 15v7M2 12h7M15 12h7",
  window: "M12 4a8 8 0 1 0 0 16zM12 4v16M12 4a8 8 0 0 1 0 16",
  zoom: "M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM14.5 14.5 20 20M7.5 10h5M10 7.5v5",
  pan: "M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3",
  length: "M4 20 20 4M4 16v4h4M16 4h4v4",
  clear: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  crosshair: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 1v6M12 17v6M1 12h6M17 12h6",
  reset: "M5 12a7 7 0 1 0 2-5M5 3v5h5",
  planes: "M3 4h10v16H3zM15 4h6v7h-6zM15 13h6v7h-6z",
  one: "M3 4h18v16H3z",
  maps: "M3 4h8v7H3zM13 4h8v7h-8zM3 13h8v7H3zM13 13h8v7h-8z",
  visits: "M3 4h8v16H3zM13 4h8v16h-8z",
} as const;

function buttons(): ToolButton[] {
  const pick = (name: "point" | "window" | "zoom" | "pan" | "length", shortcut: string, order: number): ToolButton => ({
    key: name,
    icon: ICONS[name],
    title: () => t(`tool.${name}`),
    shortcut,
    group: "look",
    order,
    action: () => (tool.value = name),
    pressed: () => tool.value === name,
  });
  const arrange = (name: Layout, shortcut: string, order: number): ToolButton => ({
    key: `layout-${name}`,
    icon: ICONS[name],
    title: () => t(`layout.${name}`),
    shortcut,
    group: "layout",
    order,
    action: () => setLayout(name),
    pressed: () => layout.value === name,
    disabled: () => (name === "visits" && second.id.value === null && neighbour(first.study.value, studies.value) === null) || (name === "maps" && first.maps.value === null),
  });
  return [
    pick("point", "c", 1),
    pick("window", "w", 2),
    pick("zoom", "z", 3),
    pick("pan", "p", 4),
    pick("length", "l", 5),
    { key: "clear", icon: ICONS.clear, title: () => t("tool.clear"), group: "look", order: 6, action: clearLengths, disabled: () => lengths.value.length === 0 },
    { key: "crosshair", icon: ICONS.crosshair, title: () => t("tool.crosshair"), shortcut: "x", group: "look", order: 7, action: () => (crosshair.value = !crosshair.value), pressed: () => crosshair.value },
    { key: "reset", icon: ICONS.reset, title: () => t("key.reset"), shortcut: "r", group: "look", order: 8, action: reset },
    arrange("planes", "g", 90),
    arrange("one", "f", 91),
    arrange("maps", "q", 92),
    arrange("visits", "v", 93),
  ];
}

/** Registers the viewer's tools, keys and buttons once, when the page loads. */
export function registerActions(): void {
  registerPointerTools();
  for (const shortcut of shortcuts()) keys.register(shortcut);
  for (const button of buttons()) toolbar.register(button);
}
