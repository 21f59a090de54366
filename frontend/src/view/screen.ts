/** What a pane draws its slices with: Cornerstone on a GPU, or a 2D canvas where the browser has none. */
import type { Camera } from "../state";
import { CanvasDrawer } from "./software";

export interface Slice {
  /** Address of the slice; two slices with one key are the same picture. */
  key: string;
  data: Int16Array;
  rows: number;
  columns: number;
  row_mm: number;
  column_mm: number;
}

export interface Window {
  level: number;
  width: number;
}

export interface Drawer {
  draw(slice: Slice, camera: Camera, window: Window): void;
  resize(): void;
  destroy(): void;
}

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
let gpu: boolean | null = null;

/** Whether WebGL is drawn by a GPU. Drawn by the processor it takes several times as long as a 2D canvas. */
export function hasGpu(): boolean {
  if (gpu !== null) return gpu;
  const context = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  const named = context?.getExtension("WEBGL_debug_renderer_info");
  const renderer: unknown = context && named ? context.getParameter(named.UNMASKED_RENDERER_WEBGL) : "";
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return (gpu = context !== null && !SOFTWARE.test(String(renderer)));
}

/** Begins to load what drawing needs, while the study's own facts are still on their way. */
export function prepare(): void {
  if (hasGpu()) void import("./gpu").catch(() => undefined);
}

export class Screen {
  private drawer: Drawer | null = null;
  private last: [Slice, Camera, Window] | null = null;
  private gone = false;

  constructor(
    private readonly element: HTMLDivElement,
    /** Told the slice's key when the slice is drawn. */
    private readonly onDrawn: (key: string) => void,
  ) {
    if (!hasGpu()) this.use(new CanvasDrawer(element, onDrawn));
    else void this.load();
  }

  draw(slice: Slice, camera: Camera, window: Window): void {
    this.last = [slice, camera, window];
    this.drawer?.draw(slice, camera, window);
  }

  resize(): void {
    this.drawer?.resize();
  }

  destroy(): void {
    this.gone = true;
    this.drawer?.destroy();
  }

  private async load(): Promise<void> {
    try {
      const { GpuDrawer } = await import("./gpu");
      if (!this.gone) this.use(new GpuDrawer(this.element, this.onDrawn));
    } catch (failure) {
      // A GPU that cannot be used after all, for instance with too many contexts open.
      console.warn("drawing without the GPU", failure);
      gpu = false;
      this.element.replaceChildren();
      if (!this.gone) this.use(new CanvasDrawer(this.element, this.onDrawn));
    }
  }

  private use(drawer: Drawer): void {
    this.drawer = drawer;
    if (this.last !== null) drawer.draw(...this.last);
  }
}
