/** What a study is called where it stands alone. */
import type { Study } from "../api";
import { date, t } from "../i18n";

/** A study by patient, date and description: two visits often share the last. */
export function called(study: Study): string {
  return [study.patient || t("list.unnamed"), date(study.date), study.label].join(" · ");
}
