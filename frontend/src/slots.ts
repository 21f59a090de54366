/** Where other rooms of the page hang their parts: right-hand panels, toolbar buttons, pointer tools. */
import { signal, type Signal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { Voxel } from "./api";
import type { Pane } from "./view/pane";

export interface Panel {
  key: string;
  title: () => string;
  component: ComponentType;
  /** Position among the tabs; smaller comes first. */
  order?: number;
}

export interface ToolButton {
  key: string;
  /** Path data of a 24 x 24 icon drawn with strokes. */
  icon: string;
  title: () => string;
  shortcut?: string;
  action: () => void;
  /** Says whether the button is pressed (a tool that is active, a switch that is on). */
  pressed?: () => boolean;
  disabled?: () => boolean;
  /** Groups are set apart by a line. */
  group?: string;
  order?: number;
}

export interface ToolEvent {
  pane: Pane;
  /** The voxel under the pointer. */
  voxel: Voxel;
  /** Row and column in the plane's pixels. */
  pixel: [number, number];
  /** Screen pixels within the pane, as the overlay uses them. */
  x: number;
  y: number;
  event: PointerEvent;
}

export interface PointerTool {
  /** A true answer takes the pointer: move and up follow until it is released. Otherwise the pane does what it does without a tool. */
  down?: (event: ToolEvent) => boolean | void;
  /** While the pointer is taken. */
  move?: (event: ToolEvent) => void;
  up?: (event: ToolEvent) => void;
  /** The pointer moves and is not taken. */
  hover?: (event: ToolEvent) => void;
  double?: (event: ToolEvent) => boolean | void;
  cursor?: string;
}

function ordered<T extends { key: string; order?: number }>(list: Signal<T[]>): { list: Signal<T[]>; register: (one: T) => () => void } {
  return {
    list,
    register(one) {
      list.value = [...list.value.filter((other) => other.key !== one.key), one].sort((a, b) => (a.order ?? 50) - (b.order ?? 50));
      return () => {
        list.value = list.value.filter((other) => other !== one);
      };
    },
  };
}

export const panels = ordered<Panel>(signal([]));
export const toolbar = ordered<ToolButton>(signal([]));
/** The open right-hand panel's key. */
export const openPanel: Signal<string> = signal("protocol");

const registered = new Map<string, PointerTool>();

export const tools = {
  register(name: string, tool: PointerTool): () => void {
    registered.set(name, tool);
    return () => {
      if (registered.get(name) === tool) registered.delete(name);
    };
  },
  get(name: string): PointerTool | undefined {
    return registered.get(name);
  },
};
