/** Which visit a panel's numbers, report and signature are of, where two are on the screen. */

import { date, t } from "../i18n";
import { first, second, studies } from "../state";

export function WhoseVisit() {
  const study = first.study.value;
  if (study === null || second.id.value === null) return null;
  const visits = studies.value.filter((one) => one.patient_key !== "" && one.patient_key === study.patient_key).length;
  return (
    <p class="whose-visit" data-study={study.id}>
      {t("results.ofVisit")} <strong>{visits > 1 ? `${t("visit.nth", { n: study.visit, of: visits })}, ` : ""}{date(study.date)}</strong>
    </p>
  );
}
