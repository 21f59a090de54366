/** A pane: one plane of one visit on the screen, with a map over it, an SVG overlay on top and pointer tools. */
import { computed, effect, signal, untracked, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, type Images, type Plane, type PlaneName, type Voxel } from "../api";
import { t } from "../i18n";
import { tools, type ToolEvent } from "../slots";
import { alarm, bounds, fade, opacity, palettes, tool, windowing, words, type Camera, type Visit } from "../state";
import { fromPlane, toPlane } from "./geometry";
import { Corners } from "./corners";
import { drawMap, mapWants } from "./overlay";
import { pointerActions } from "./pointer";
import { Screen } from "./screen";
import { mapSlices, slices } from "./slices";

export { tools } from "../slots";

/** Draws into its own group of the overlay; called after every change of slice, camera or size, and after redraw(). */
export type Layer = (group: SVGGElement, pane: Pane) => void;

/** Every pane on the screen. */
export const panes: Signal<Pane[]> = signal([]);
/** The pane that keys act on. */
export const activePane: Signal<string | null> = signal(null);

const everywhere = new Map<string, Layer>();

/** Layers of every pane, present and to come. */
export const layers = {
  register(key: string, layer: Layer): () => void {
    everywhere.set(key, layer);
    for (const pane of panes.value) pane.layers.add(layer, key);
    return () => {
      everywhere.delete(key);
      for (const pane of panes.value) pane.layers.remove(layer);
    };
  },
  /** Draws every pane's overlay again, for a change that only the layers know of. */
  redraw(): void {
    for (const pane of panes.value) pane.redraw();
  },
};

export interface PaneProps {
  name: string;
  visit: Visit;
  plane: PlaneName;
  /** The map laid over this pane. */
  map: ReadonlySignal<string | null>;
  /** Shown in the corner when panes differ by their map. */
  titled?: boolean;
}

/** Address of a slice of a study; the content key makes it good for ever. */
export function slicePath(visit: Visit, images: Images, plane: PlaneName, pass: number, index: number): string {
  const set = visit.set.value;
  const key = images.keys?.[set] ?? images.key;
  return `/studies/${visit.id.value}/images/${set}/${plane}/${pass}/${index}${key ? `?v=${key}` : ""}`;
}

export class Pane {
  readonly name: string;
  readonly visit: Visit;
  readonly plane: PlaneName;
  readonly map: ReadonlySignal<string | null>;
  readonly index: ReadonlySignal<number>;
  readonly size: Signal<{ width: number; height: number }> = signal({ width: 0, height: 0 });
  readonly busy: Signal<boolean> = signal(false);
  /** The pixel (row, column) under the pointer; null when it is elsewhere. */
  readonly pointed: Signal<[number, number] | null>;
  readonly layers = {
    add: (layer: Layer, key = ""): void => {
      const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
      if (key) group.setAttribute("data-layer", key);
      this.svg.append(group);
      this.groups.set(layer, group);
      this.redraw();
    },
    remove: (layer: Layer): void => {
      this.groups.get(layer)?.remove();
      this.groups.delete(layer);
    },
  };
  private readonly groups = new Map<Layer, SVGGElement>();
  private readonly screen: Screen;
  private readonly stops: (() => void)[] = [];
  private frame = 0;
  private asked: string | null = null;
  private onlyLayers = true;

  constructor(
    props: PaneProps & { pointed: Signal<[number, number] | null> },
    readonly element: HTMLElement,
    picture: HTMLDivElement,
    private readonly canvas: HTMLCanvasElement,
    readonly svg: SVGSVGElement,
  ) {
    this.name = props.name;
    this.visit = props.visit;
    this.plane = props.plane;
    this.map = props.map;
    this.index = props.visit.indices[props.plane];
    this.pointed = props.pointed;
    this.screen = new Screen(picture, (key) => {
      element.dataset.shown = key;
    });
    const observer = new ResizeObserver(() => {
      this.size.value = { width: element.clientWidth, height: element.clientHeight };
      this.screen.resize();
    });
    observer.observe(element);
    this.size.value = { width: element.clientWidth, height: element.clientHeight };
    this.stops.push(() => observer.disconnect(), pointerActions(this), effect(() => this.follow()));
    for (const [key, layer] of everywhere) this.layers.add(layer, key);
    panes.value = [...untracked(() => panes.value), this];
  }

  destroy(): void {
    panes.value = panes.value.filter((pane) => pane !== this);
    for (const stop of this.stops) stop();
    cancelAnimationFrame(this.frame);
    if (this.asked !== null) slices.drop(this.asked);
    this.screen.destroy();
  }

  /** The plane's measures; null before the study's images are known. */
  shape(): Plane | null {
    return this.visit.images.value?.planes[this.plane] ?? null;
  }

  /** The camera in use: the reader's, or the one that fits the whole slice. */
  camera(): Camera {
    const plane = this.shape();
    const own = this.visit.cameras[this.plane].value;
    if (own !== null || plane === null) return own ?? { row: 0, column: 0, scale: 1 };
    const { width, height } = this.size.value;
    const scale = Math.min(width / (plane.columns * plane.column_mm), height / (plane.rows * plane.row_mm)) || 1;
    return { row: (plane.rows - 1) / 2, column: (plane.columns - 1) / 2, scale };
  }

  /** Overlay coordinates of a pixel (row, column) of the plane. */
  fromPixel(row: number, column: number): { x: number; y: number } {
    const plane = this.shape();
    const { width, height } = this.size.value;
    if (plane === null) return { x: 0, y: 0 };
    const camera = this.camera();
    return { x: width / 2 + (column - camera.column) * plane.column_mm * camera.scale, y: height / 2 + (row - camera.row) * plane.row_mm * camera.scale };
  }

  /** The plane's pixel (row, column, fractions kept) under a point of the window. */
  toPixel(clientX: number, clientY: number): [number, number] {
    const plane = this.shape();
    if (plane === null) return [0, 0];
    const box = this.element.getBoundingClientRect();
    const camera = this.camera();
    const { width, height } = this.size.value;
    return [
      camera.row + (clientY - box.top - this.element.clientTop - height / 2) / (plane.row_mm * camera.scale),
      camera.column + (clientX - box.left - this.element.clientLeft - width / 2) / (plane.column_mm * camera.scale),
    ];
  }

  /** The voxel (k, j, i, fractions kept) under a point of the window, in the slice shown. */
  toVoxel(clientX: number, clientY: number): Voxel {
    const plane = this.shape();
    return plane === null ? [0, 0, 0] : fromPlane(plane, [this.index.value, ...this.toPixel(clientX, clientY)]);
  }

  /** Overlay coordinates of a voxel, seen along the plane's normal. */
  toScreen(voxel: Voxel): { x: number; y: number } {
    const plane = this.shape();
    if (plane === null) return { x: 0, y: 0 };
    const [, row, column] = toPlane(plane, voxel);
    return this.fromPixel(row, column);
  }

  /** How many slices a voxel lies beyond the one shown; 0 in it. */
  depth(voxel: Voxel): number {
    const plane = this.shape();
    return plane === null ? 0 : toPlane(plane, voxel)[0] - this.index.value;
  }

  toolEvent(event: PointerEvent): ToolEvent {
    const box = this.element.getBoundingClientRect();
    return {
      pane: this,
      voxel: this.toVoxel(event.clientX, event.clientY),
      pixel: this.toPixel(event.clientX, event.clientY),
      x: event.clientX - box.left - this.element.clientLeft,
      y: event.clientY - box.top - this.element.clientTop,
      event,
    };
  }

  /** Draws the overlay's layers again at the next frame. */
  redraw(): void {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /** Reads everything the picture follows, and asks for a frame. */
  private follow(): void {
    void [this.visit.id.value, this.visit.images.value, this.visit.set.value, this.visit.pass.value, this.index.value];
    void [windowing.value, this.visit.cameras[this.plane].value, this.size.value, tool.value];
    if (this.map.value !== null) void [opacity.value, bounds.value, fade.value, palettes.value, words.value, this.visit.maps.value];
    this.onlyLayers = false;
    this.redraw();
  }

  private draw(): void {
    this.frame = 0;
    const images = this.visit.images.value;
    const plane = this.shape();
    if (images === null || plane === null || this.size.value.width === 0) return;
    if (!this.onlyLayers) {
      this.onlyLayers = true;
      this.drawSlice(images, plane);
      this.drawOver();
    }
    for (const [layer, group] of this.groups) layer(group, this);
  }

  private drawSlice(images: Images, plane: Plane): void {
    const path = slicePath(this.visit, images, this.plane, this.visit.pass.value, this.index.value);
    const data = slices.peek(path);
    if (this.asked !== null && this.asked !== path) slices.drop(this.asked);
    this.asked = null;
    if (data === null) {
      this.asked = path;
      this.busy.value = true;
      slices.want(path).then(this.arrived, (failure: unknown) => this.missed(path, failure));
      return;
    }
    this.busy.value = false;
    this.screen.draw(
      { key: path, data: new Int16Array(data), rows: plane.rows, columns: plane.columns, row_mm: plane.row_mm, column_mm: plane.column_mm },
      this.camera(),
      windowing.value,
    );
  }

  private drawOver(): void {
    const wanted = mapWants(this);
    const missing = wanted.filter((path) => mapSlices.peek(path) === null);
    if (missing.length > 0) {
      for (const path of missing) mapSlices.want(path).then(this.arrived, () => undefined);
      return;
    }
    drawMap(this, this.canvas, wanted);
  }

  private readonly arrived = (): void => {
    if (this.asked !== null && slices.peek(this.asked) === null) return;
    this.onlyLayers = false;
    this.redraw();
  };

  private missed(path: string, failure: unknown): void {
    if (this.asked !== path) return;
    if (failure instanceof ApiError) {
      this.busy.value = false;
      alarm.value = failure;
      return;
    }
    // Another pane stopped the fetch that this one still waits for.
    this.onlyLayers = false;
    this.redraw();
  }
}

export function PaneView(props: PaneProps) {
  const element = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const pointed = useSignal<[number, number] | null>(null);
  useEffect(() => {
    const pane = new Pane({ ...props, pointed }, element.current!, picture.current!, canvas.current!, svg.current!);
    return () => pane.destroy();
  }, [props.name, props.visit, props.plane, props.map]);
  const label = computed(() => {
    const plane = props.visit.images.value?.planes[props.plane];
    return t("view.pane", { plane: t(`plane.${props.plane}`), n: props.visit.indices[props.plane].value + 1, of: plane?.count ?? 0 });
  });
  return (
    <div
      ref={element}
      class={`pane ${props.plane} ${activePane.value === props.name ? "active" : ""}`}
      data-pane={props.name}
      tabIndex={0}
      role="group"
      aria-label={label.value}
      onFocus={() => (activePane.value = props.name)}
      style={{ cursor: tools.get(tool.value)?.cursor ?? "crosshair" }}
    >
      <div ref={picture} class="picture" aria-hidden="true" />
      <canvas ref={canvas} class="map" aria-hidden="true" />
      <svg ref={svg} class="overlay" />
      <Corners {...props} pointed={pointed} />
    </div>
  );
}
