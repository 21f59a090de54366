/** Says to somebody who may only look why there is nothing to draw, sign or send. */

import { t } from "../i18n";
import { mayEdit, me } from "../state";

export function OnlyLooking() {
  return me.value === null || mayEdit.value ? null : <p class="note" data-role="viewer">{t("role.viewer")}</p>;
}
