/** A parameter map as colours over a slice. */
import type { PlaneName } from "../api";
import { bounds, fade, first, NO_BOUNDS, opacity, palettes, words, type Bounds, type Visit } from "../state";
import type { Pane } from "./pane";
import { hasGpu } from "./screen";
import { mapSlices } from "./slices";

/** A standard deviation up to this part of the value leaves the colour whole ... */
export const FADE_FROM = 0.2;
/** ... and from this part on leaves nothing of it. */
export const FADE_TO = 1;

type Rgb = readonly [number, number, number];
const GREY: Rgb[] = Array.from({ length: 256 }, (_, value) => [value, value, value] as const);

/** Colours and range of a map; ratios are spread by their logarithm so that half and double lie equally far from one. */
export interface Scale {
  low: number;
  high: number;
  log: boolean;
  colours: readonly Rgb[];
  unit: string;
  name: string;
  symbol: string;
  decimals: number;
}

/** How a map is coloured: as its own study says (ranges differ between models), else as the quantity usually is. */
export function scaleOf(key: string, visit: Visit = first): Scale {
  const quantity = words.value?.quantities[key];
  const own = visit.maps.value?.maps.find((one) => one.key === key);
  const [low, high] = own?.range ?? quantity?.range ?? [0, 1];
  const palette = own?.palette ?? quantity?.palette;
  const colours = (palette === undefined ? undefined : palettes.value[palette]) ?? GREY;
  const decimals = quantity?.decimals ?? (high - low > 20 ? 0 : high - low > 2 ? 1 : 2);
  return { low, high, log: key.includes("ratio") && low > 0, colours, unit: quantity?.unit ?? "", name: quantity?.name ?? key, symbol: quantity?.symbol ?? key, decimals };
}

/** Place of a value in a scale's 256 colours. */
export function place(value: number, scale: Pick<Scale, "low" | "high" | "log">): number {
  const part = scale.log ? Math.log(value / scale.low) / Math.log(scale.high / scale.low) : (value - scale.low) / (scale.high - scale.low);
  return Math.max(0, Math.min(255, Math.round(part * 255)));
}

/** Colours a slice of values into RGBA octets: not computed and out of bounds transparent, uncertain faded when its SD is given. */
export function paint(into: Uint8ClampedArray, values: Float32Array, sd: Float32Array | null, scale: Scale, within: Bounds): void {
  const low = within.lower ?? -Infinity;
  const high = within.upper ?? Infinity;
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n]!;
    if (!(value >= low && value <= high)) {
      into[n * 4 + 3] = 0;
      continue;
    }
    const colour = scale.colours[place(value, scale)]!;
    into[n * 4] = colour[0];
    into[n * 4 + 1] = colour[1];
    into[n * 4 + 2] = colour[2];
    let alpha = 255;
    if (sd !== null) {
      const part = sd[n]! / Math.abs(value);
      alpha *= part > FADE_FROM ? (FADE_TO - part) / (FADE_TO - FADE_FROM) : Number.isFinite(part) ? 1 : 0;
    }
    into[n * 4 + 3] = alpha;
  }
}

/** Address of a map's slice at the place a visit looks at. */
export function mapPath(visit: Visit, plane: PlaneName, key: string): string {
  const version = visit.maps.value?.key ? `?v=${visit.maps.value.key}` : "";
  return `/studies/${visit.id.value}/maps/${key}/${plane}/${visit.indices[plane].value}${version}`;
}

/** Addresses of the map slices that a pane needs now: its map and, when it fades, the map's SD. */
export function mapWants(pane: Pane): string[] {
  const known = pane.visit.maps.value?.maps.find((one) => one.key === pane.map.value);
  if (known === undefined) return [];
  const keys = fade.value && known.sd ? [known.key, `${known.key}_sd`] : [known.key];
  return keys.map((key) => mapPath(pane.visit, pane.plane, key));
}

interface Painted {
  of: string;
  canvas: HTMLCanvasElement;
}
const painted = new WeakMap<Pane, Painted>();

/** Draws the fetched map slices into the pane's canvas; colours are computed only when something but the camera changed. */
export function drawMap(pane: Pane, canvas: HTMLCanvasElement, paths: string[]): void {
  const plane = pane.shape();
  canvas.hidden = paths.length === 0;
  if (paths.length === 0 || plane === null) return;
  const data = paths.map((path) => new Float32Array(mapSlices.peek(path)!));
  const scale = scaleOf(pane.map.value!, pane.visit);
  const within = bounds.value[pane.map.value!] ?? NO_BOUNDS;
  const of = [...paths, within.lower, within.upper, scale.low, scale.high, scale.colours === GREY].join("|");
  let picture = painted.get(pane);
  if (picture?.of !== of) {
    const drawing = picture?.canvas ?? document.createElement("canvas");
    if (drawing.width !== plane.columns || drawing.height !== plane.rows) Object.assign(drawing, { width: plane.columns, height: plane.rows });
    const context = drawing.getContext("2d", { willReadFrequently: true })!;
    const octets = context.createImageData(plane.columns, plane.rows);
    paint(octets.data, data[0]!, data[1] ?? null, scale, within);
    context.putImageData(octets, 0, 0);
    painted.set(pane, (picture = { of, canvas: drawing }));
  }
  const { width, height } = pane.size.value;
  const dense = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
    Object.assign(canvas, { width: Math.round(width * dense), height: Math.round(height * dense) });
  }
  const context = canvas.getContext("2d", { willReadFrequently: !hasGpu() })!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  // A voxel keeps its own colour: blending two would show values that were never computed.
  context.imageSmoothingEnabled = false;
  const corner = pane.fromPixel(-0.5, -0.5);
  const end = pane.fromPixel(plane.rows - 0.5, plane.columns - 0.5);
  context.drawImage(picture.canvas, corner.x * dense, corner.y * dense, (end.x - corner.x) * dense, (end.y - corner.y) * dense);
  canvas.style.opacity = String(opacity.value);
}
