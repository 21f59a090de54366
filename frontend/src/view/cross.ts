/** The crosshair: where the planes cut each other. */
import { effect } from "@preact/signals";
import { crosshair, first, second } from "../state";
import { layers, type Layer } from "./pane";

const GAP = 14;

function line(group: SVGGElement, n: number): SVGLineElement {
  let found = group.children[n] as SVGLineElement | undefined;
  if (found === undefined) {
    found = document.createElementNS("http://www.w3.org/2000/svg", "line");
    found.setAttribute("class", `cross ${n < 2 ? "across" : "down"}`);
    group.append(found);
  }
  return found;
}

const draw: Layer = (group, pane) => {
  const shown = crosshair.value;
  group.style.display = shown ? "" : "none";
  if (!shown) return;
  const { x, y } = pane.toScreen(pane.visit.cross.value);
  const { width, height } = pane.size.value;
  const ends: [number, number, number, number][] = [
    [0, y, x - GAP, y],
    [x + GAP, y, width, y],
    [x, 0, x, y - GAP],
    [x, y + GAP, x, height],
  ];
  ends.forEach(([x1, y1, x2, y2], n) => {
    const one = line(group, n);
    for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) one.setAttribute(name, value.toFixed(1));
  });
};

export function showCrosshair(): () => void {
  const hide = layers.register("cross", draw);
  const stop = effect(() => {
    void [crosshair.value, first.cross.value, second.cross.value];
    layers.redraw();
  });
  return () => (hide(), stop());
}
