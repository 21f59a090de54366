/** Draws a slice on a 2D canvas, for computers whose browser has no GPU: grey values by a table, one scaled copy to the screen. */
import type { Camera } from "../state";
import type { Drawer, Slice, Window } from "./screen";

// The table covers every CT value; the lowest 16-bit number stands for "nothing measured" and is black like all below the window.
const LOWEST = -4096;
const HIGHEST = 8191;

/** Opaque grey of each value from LOWEST to HIGHEST as one little-endian RGBA word. */
export function greyTable({ level, width }: Window): Uint32Array {
  const table = new Uint32Array(HIGHEST - LOWEST + 1);
  const low = level - width / 2;
  for (let n = 0; n < table.length; n += 1) {
    const grey = Math.max(0, Math.min(255, Math.round(((n + LOWEST - low) / width) * 255)));
    table[n] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return table;
}

let made: { window: Window; table: Uint32Array } | null = null;

function tableOf(window: Window): Uint32Array {
  if (made === null || made.window.level !== window.level || made.window.width !== window.width) made = { window: { ...window }, table: greyTable(window) };
  return made.table;
}

export function paintGrey(into: Uint32Array, values: Int16Array, table: Uint32Array): void {
  const last = table.length - 1;
  for (let n = 0; n < values.length; n += 1) {
    const at = values[n]! - LOWEST;
    into[n] = table[at < 0 ? 0 : at > last ? last : at]!;
  }
}

/** Keeps one picture in the size of a slice, and copies it to the screen as a camera sees it. */
export class CanvasDrawer implements Drawer {
  private readonly canvas = document.createElement("canvas");
  private readonly picture = document.createElement("canvas");
  private octets: ImageData | null = null;
  private of = "";

  constructor(
    element: HTMLDivElement,
    private readonly onDrawn: (key: string) => void,
  ) {
    element.append(this.canvas);
  }

  draw(slice: Slice, camera: Camera, window: Window): void {
    const context = this.picture.getContext("2d", { willReadFrequently: true })!;
    if (this.octets?.width !== slice.columns || this.octets.height !== slice.rows) {
      Object.assign(this.picture, { width: slice.columns, height: slice.rows });
      this.octets = context.createImageData(slice.columns, slice.rows);
      this.of = "";
    }
    const of = `${slice.key} ${window.level} ${window.width}`;
    if (this.of !== of) {
      paintGrey(new Uint32Array(this.octets.data.buffer), slice.data, tableOf(window));
      context.putImageData(this.octets, 0, 0);
      this.of = of;
    }
    this.copy(slice, camera);
    this.onDrawn(slice.key);
  }

  resize(): void {
    // The canvas takes its size when it is next drawn, which a new size brings about.
  }

  destroy(): void {
    this.canvas.remove();
  }

  private copy(slice: Slice, camera: Camera): void {
    const { canvas } = this;
    const dense = globalThis.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * dense);
    const height = Math.round(canvas.clientHeight * dense);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    // A canvas in plain memory reaches the screen in half the time when there is no GPU.
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    const x = slice.column_mm * camera.scale * dense;
    const y = slice.row_mm * camera.scale * dense;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    context.drawImage(this.picture, width / 2 - (camera.column + 0.5) * x, height / 2 - (camera.row + 0.5) * y, slice.columns * x, slice.rows * y);
  }
}
