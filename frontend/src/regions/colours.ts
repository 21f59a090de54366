/** Colours of regions: told apart with every common kind of colour blindness (after Okabe and Ito), bright enough on black. */

import type { Kind } from "./types";

const OF_KIND: Readonly<Record<Exclude<Kind, "lesion">, string>> = {
  aorta: "#ff7043",
  portal_vein: "#56b4e9",
  spleen: "#cc79a7",
  liver: "#9aa7b4",
  healthy: "#00c08b",
};

const OF_LESIONS: readonly string[] = ["#f0e442", "#e69f00", "#b39dff", "#8be9fd", "#ff9ecb", "#c5e478", "#ffd3a1", "#a0c4ff"];

export function colourOf(name: string, kind: Kind): string {
  if (kind !== "lesion") return OF_KIND[kind];
  const number = Number(/(\d+)$/.exec(name)?.[1] ?? 1);
  return OF_LESIONS[(Math.max(1, number) - 1) % OF_LESIONS.length]!;
}
