/** The edge between pictures and panels: dragged, or moved by the arrow keys; this browser keeps where it was left. */

import { effect, signal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";

const KEPT = "hepaflow-panels-px";
const LEAST = 280;
const STEP = 24;

function most(): number {
  return Math.max(LEAST, Math.round(0.65 * window.innerWidth));
}

/** Width a panel has until somebody moves the edge: wide enough for the lesion table where the window allows. */
export function usual(window_px: number): number {
  return Math.round(Math.min(600, Math.max(Math.min(416, 0.4 * window_px), 0.3 * window_px)));
}

/** A width that leaves room on both sides. */
export function fitting(width_px: number, most_px: number): number {
  return Math.round(Math.min(most_px, Math.max(LEAST, width_px)));
}

function kept(): number | null {
  try {
    const value = Number(localStorage.getItem(KEPT));
    return value > 0 ? value : null;
  } catch {
    // A browser that keeps nothing starts with the usual width each time.
    return null;
  }
}

/** Chosen width in pixels; null is the usual one. */
const chosen: Signal<number | null> = signal(kept());
const wide: Signal<number> = signal(window.innerWidth);

function keep(width_px: number | null): void {
  chosen.value = width_px;
  try {
    if (width_px === null) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, String(width_px));
  } catch {
    // As above.
  }
}

function now(): number {
  void wide.value;
  return fitting(chosen.value ?? usual(wide.value), most());
}

export function Splitter() {
  useEffect(() => {
    const resized = (): void => void (wide.value = window.innerWidth);
    // The window may have changed while no study was open.
    resized();
    window.addEventListener("resize", resized);
    const stop = effect(() => document.getElementById("main")?.style.setProperty("--panels", `${now()}px`));
    return () => {
      window.removeEventListener("resize", resized);
      stop();
    };
  }, []);
  const drag = (event: PointerEvent & { currentTarget: HTMLElement }): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    keep(fitting(window.innerWidth - event.clientX, most()));
  };
  const key = (event: KeyboardEvent): void => {
    const to = { ArrowLeft: now() + STEP, ArrowRight: now() - STEP, Home: most(), End: LEAST }[event.key];
    if (to === undefined) return;
    // The arrows would also go through the passes.
    event.preventDefault();
    event.stopPropagation();
    keep(fitting(to, most()));
  };
  return (
    <div
      class="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label={t("splitter")}
      title={t("splitter.how")}
      aria-controls="panel"
      aria-valuemin={LEAST}
      aria-valuemax={most()}
      aria-valuenow={now()}
      tabIndex={0}
      onPointerDown={(event) => (event.preventDefault(), event.currentTarget.focus(), event.currentTarget.setPointerCapture(event.pointerId))}
      onPointerMove={drag}
      onDblClick={() => keep(null)}
      onKeyDown={key}
    />
  );
}
