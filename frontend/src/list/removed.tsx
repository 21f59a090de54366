/** Studies that were removed from the list, with the way back. */
import { useEffect, useState } from "preact/hooks";
import { get, hear, send, type Removed } from "../api";
import { date, t } from "../i18n";
import { mayEdit } from "../state";
import { tell } from "../tell";
import { refreshStudies } from "./follow";

export function RemovedStudies() {
  const [removed, setRemoved] = useState<Removed[]>([]);
  useEffect(() => {
    const load = () =>
      get<{ studies: Removed[] }>("/trash")
        .then((answer) => setRemoved(answer.studies))
        .catch(tell);
    void load();
    return hear("study", () => void load());
  }, []);
  if (removed.length === 0) return null;
  const restore = (id: string) => void send("POST", `/trash/${id}/restore`).then(refreshStudies).catch(tell);
  return (
    <details class="removed">
      <summary>
        {t("removed.title")} ({removed.length})
      </summary>
      <ul>
        {removed.map((one) => (
          <li key={one.id}>
            <span>
              {[one.patient || t("list.unnamed"), date(one.date), one.label].join(" · ")}{" "}
              <small>
                {t("removed.at")} {date(one.trashed, true)}
              </small>
            </span>
            {mayEdit.value && (
              <button type="button" onClick={() => restore(one.id)} aria-label={t("removed.restore.of", { label: one.label })}>
                {t("removed.restore")}
              </button>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
