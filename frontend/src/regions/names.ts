/** Regions and edits in the reader's words. */

import { t } from "../i18n";
import { kindOf } from "./types";

export function nameOf(name: string): string {
  const kind = kindOf(name);
  if (kind !== "lesion") return t(`region.${kind}`);
  const number = /^lesion-(\d+)$/.exec(name)?.[1];
  return number === undefined ? name.replace(/^lesion-/, "") : t("region.lesionN", { n: number });
}

const VERBS = ["shapes", "brush", "click", "mask", "move", "shift", "caliper", "morphology", "viable", "identity", "propose", "rename", "delete", "undo", "redo", "restore", "given", "found", "import"] as const;

/** An edit's kind in words; what is not known is told as it is. */
export function verb(kind: string): string {
  const plain = kind.replace(/^lost:/, "");
  const known = (VERBS as readonly string[]).includes(plain) ? t(`edit.${plain as (typeof VERBS)[number]}`) : plain;
  return kind.startsWith("lost:") ? t("edit.lost", { kind: known }) : known;
}
