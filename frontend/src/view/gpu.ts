/** Draws a slice with Cornerstone on the GPU, through a camera that the page owns. Loaded only where there is a GPU. */
import { Enums, RenderingEngine, init, metaData, utilities, type Types } from "@cornerstonejs/core";
import type { Camera } from "../state";
import type { Drawer, Slice, Window } from "./screen";

const SCHEME = "hepaflow:";
// Look-up tables are made over this range; CT values outside show as the nearest end, "nothing measured" as black.
const LOWEST = -2048;
const HIGHEST = 6143;
const planes = new Map<string, { rows: number; columns: number; row_mm: number; column_mm: number }>();

/** What Cornerstone asks about an image. Every plane lies at the origin in millimetres of its own, so that one picture can take another's place. */
function told(kind: string, id: unknown): unknown {
  if (typeof id !== "string" || !id.startsWith(SCHEME)) return undefined;
  const plane = planes.get(id.slice(SCHEME.length).split("|")[0]!);
  if (plane === undefined) return undefined;
  switch (kind) {
    case Enums.MetadataModules.IMAGE_PLANE:
      return {
        rows: plane.rows,
        columns: plane.columns,
        rowCosines: [1, 0, 0],
        columnCosines: [0, 1, 0],
        imageOrientationPatient: [1, 0, 0, 0, 1, 0],
        imagePositionPatient: [0, 0, 0],
        rowPixelSpacing: plane.row_mm,
        columnPixelSpacing: plane.column_mm,
        frameOfReferenceUID: "plane",
      };
    case Enums.MetadataModules.IMAGE_PIXEL:
      return { pixelRepresentation: 1, bitsAllocated: 16, bitsStored: 16, highBit: 15, photometricInterpretation: "MONOCHROME2", samplesPerPixel: 1 };
    case Enums.MetadataModules.GENERAL_SERIES:
      return { modality: "CT" };
    default:
      return undefined;
  }
}

let engine: RenderingEngine | null = null;
let counter = 0;

/** Starts Cornerstone once. */
function started(): RenderingEngine {
  if (engine !== null) return engine;
  init();
  metaData.addProvider(told, 10_000);
  engine = new RenderingEngine("hepaflow");
  return engine;
}

function asImage(slice: Slice, window: Window): Types.IImage {
  const plane = `${slice.rows},${slice.columns},${slice.row_mm},${slice.column_mm}`;
  planes.set(plane, { rows: slice.rows, columns: slice.columns, row_mm: slice.row_mm, column_mm: slice.column_mm });
  const voxelManager = utilities.VoxelManager.createImageVoxelManager({ width: slice.columns, height: slice.rows, scalarData: slice.data, numberOfComponents: 1 });
  return {
    imageId: `${SCHEME}${plane}|${slice.key}`,
    minPixelValue: LOWEST,
    maxPixelValue: HIGHEST,
    slope: 1,
    intercept: 0,
    windowCenter: window.level,
    windowWidth: window.width,
    voiLUTFunction: Enums.VOILUTFunctionType.LINEAR,
    getPixelData: () => slice.data,
    getCanvas: () => document.createElement("canvas"),
    rows: slice.rows,
    columns: slice.columns,
    height: slice.rows,
    width: slice.columns,
    color: false,
    rgba: false,
    numberOfComponents: 1,
    rowPixelSpacing: slice.row_mm,
    columnPixelSpacing: slice.column_mm,
    invert: false,
    photometricInterpretation: "MONOCHROME2",
    sizeInBytes: slice.data.byteLength,
    dataType: "Int16Array",
    voxelManager: voxelManager as NonNullable<Types.IImage["voxelManager"]>,
  };
}

export class GpuDrawer implements Drawer {
  private readonly id = `screen-${(counter += 1)}`;
  private readonly viewport: Types.IStackViewport;
  private slice: Slice | null = null;
  private drawn = { level: NaN, width: NaN, row: NaN, column: NaN, scale: NaN, height: NaN };

  constructor(
    private readonly element: HTMLDivElement,
    private readonly onDrawn: (key: string) => void,
  ) {
    started().enableElement({ viewportId: this.id, type: Enums.ViewportType.STACK, element, defaultOptions: { background: [0, 0, 0] } });
    this.viewport = started().getViewport(this.id) as Types.IStackViewport;
    element.addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered as EventListener);
  }

  /** Draws a slice; only what changed since the last call is told to Cornerstone. */
  draw(slice: Slice, camera: Camera, window: Window): void {
    const { viewport, drawn, element } = this;
    const shaped = this.slice?.rows !== slice.rows || this.slice.columns !== slice.columns || this.slice.row_mm !== slice.row_mm;
    if (this.slice?.key !== slice.key) {
      viewport.renderImageObject(asImage(slice, window));
      this.slice = slice;
    }
    if (shaped || drawn.level !== window.level || drawn.width !== window.width) {
      viewport.setProperties({ voiRange: { lower: window.level - window.width / 2, upper: window.level + window.width / 2 } });
      Object.assign(drawn, window);
    }
    const height = element.clientHeight;
    if (shaped || drawn.row !== camera.row || drawn.column !== camera.column || drawn.scale !== camera.scale || drawn.height !== height) {
      const x = camera.column * slice.column_mm;
      const y = camera.row * slice.row_mm;
      viewport.setCamera({ focalPoint: [x, y, 0], position: [x, y, -1], parallelScale: height / 2 / camera.scale });
      Object.assign(drawn, camera, { height });
    }
    viewport.render();
  }

  resize(): void {
    started().resize(true, false);
    this.drawn.scale = NaN;
  }

  destroy(): void {
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered as EventListener);
    started().disableElement(this.id);
  }

  private readonly rendered = (): void => {
    if (this.slice !== null) this.onDrawn(this.slice.key);
  };
}
