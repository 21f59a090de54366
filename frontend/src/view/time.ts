/** The movement through passes: steps, play, and what to fetch before it is asked for. */
import { batch, effect } from "@preact/signals";
import { first, layout, playing, rate, second, type Visit } from "../state";
import { clamp } from "./geometry";
import { panes, slicePath } from "./pane";
import { slices } from "./slices";

/** Shows a pass, and the pass nearest in time of the other visit. */
export function setPass(visit: Visit, pass: number): void {
  const images = visit.images.value;
  if (images === null) return;
  batch(() => {
    visit.pass.value = clamp(pass, 0, images.passes - 1);
    if (layout.value !== "visits") return;
    const other = visit === first ? second : first;
    const times = other.images.value?.times_s;
    const now = images.times_s[visit.pass.value];
    if (times === undefined || now === undefined || times.length === 0) return;
    other.pass.value = times.reduce((best, time, n) => (Math.abs(time - now) < Math.abs(times[best]! - now) ? n : best), 0);
  });
}

/** One pass on or back, round the ends. */
export function stepPass(visit: Visit, by: number): void {
  const passes = visit.images.value?.passes ?? 1;
  setPass(visit, (visit.pass.value + by + passes) % passes);
}

/** Addresses that the reader may want next: the following passes, then the slices beside. */
function likely(): string[] {
  const paths: string[] = [];
  const seen = panes.value.filter((pane, n, all) => all.findIndex((one) => one.visit === pane.visit && one.plane === pane.plane) === n);
  const add = (pane: (typeof seen)[number], pass: number, index: number): void => {
    const images = pane.visit.images.value;
    const plane = pane.shape();
    if (images === null || plane === null || index < 0 || index >= plane.count) return;
    paths.push(slicePath(pane.visit, images, pane.plane, (pass + images.passes) % images.passes, index));
  };
  for (const step of [1, -1, 2, -2, 3, -3]) for (const pane of seen) add(pane, pane.visit.pass.value, pane.index.value + step);
  const most = Math.max(0, ...seen.map((pane) => pane.visit.images.value?.passes ?? 0));
  for (let step = 1; step < most; step += 1) for (const pane of seen) add(pane, pane.visit.pass.value + step, pane.index.value);
  return paths;
}

/** Fetches ahead once the reader pauses for a moment. */
export function fetchAhead(): () => void {
  let timer = 0;
  const stop = effect(() => {
    for (const pane of panes.value) void [pane.visit.pass.value, pane.visit.set.value, pane.index.value, pane.visit.images.value];
    window.clearTimeout(timer);
    timer = window.setTimeout(() => slices.guess(likely()), 120);
  });
  return () => {
    window.clearTimeout(timer);
    stop();
  };
}

/** Plays while `playing` is true: a pass is shown only when every pane has drawn the one before. */
export function player(): () => void {
  let frame = 0;
  let last = 0;
  const tick = (now: number): void => {
    frame = requestAnimationFrame(tick);
    if (now - last < 1000 / rate.peek() - 4 || panes.peek().some((pane) => pane.busy.peek())) return;
    last = now;
    stepPass(first, 1);
  };
  const stop = effect(() => {
    cancelAnimationFrame(frame);
    if (playing.value) frame = requestAnimationFrame(tick);
  });
  return () => {
    cancelAnimationFrame(frame);
    stop();
    playing.value = false;
  };
}
