/** Who changed what, when. */
import { useEffect, useState } from "preact/hooks";
import { get, hear, type AuditEntry } from "../api";
import { date, t } from "../i18n";
import { studies } from "../state";
import { tell } from "../tell";
import { deed, detail } from "./deeds";

export function AuditPage({ study }: { study: string | null }) {
  const [entries, setEntries] = useState<AuditEntry[] | null>(null);
  useEffect(() => {
    const load = () =>
      get<{ entries: AuditEntry[] }>(study === null ? "/audit" : `/audit?study=${study}`)
        .then((answer) => setEntries(answer.entries))
        .catch(tell);
    void load();
    const stops = [hear("study", () => void load()), hear("regions", () => void load())];
    return () => stops.forEach((stop) => stop());
  }, [study]);
  const name = (id: string | null): string => {
    const known = studies.value.find((one) => one.id === id);
    return known === undefined ? (id ?? "–") : `${known.label}, ${date(known.date)}`;
  };
  return (
    <div class="list">
      <h1>{study === null ? t("nav.audit") : t("audit.of", { label: name(study) })}</h1>
      {study !== null && (
        <p>
          <a href={`#/study/${study}`}>{t("study.open")}</a> · <a href="#/audit">{t("audit.all")}</a>
        </p>
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label={t("nav.audit")}>
        <table class="audit">
          <thead>
            <tr>
              <th scope="col">{t("audit.at")}</th>
              <th scope="col">{t("audit.who")}</th>
              <th scope="col">{t("audit.what")}</th>
              <th scope="col">{t("audit.study")}</th>
              <th scope="col">{t("audit.detail")}</th>
            </tr>
          </thead>
          <tbody>
            {(entries ?? []).map((one, n) => (
              <tr key={n}>
                <td>{date(one.at, true)}</td>
                <td>{one.who}</td>
                <td>{deed(one.what)}</td>
                <td>{name(one.study)}</td>
                <td>{detail(one.detail)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {entries?.length === 0 && <p class="note">{t("audit.empty")}</p>}
      </div>
    </div>
  );
}
