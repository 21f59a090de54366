/** Whose images these are, above them; and the grey scale and plane that they are shown in. */
import { date, t } from "../i18n";
import { nthVisit } from "../panels/whose";
import { linked, linkHere } from "./link";
import { bigPlane, first, layout, second, windowing, words, type Visit } from "../state";

/** Patient, date, visit and description of a study: on the screen as long as its images are. */
export function Whose({ visit }: { visit: Visit }) {
  const study = visit.study.value;
  if (study === null) return null;
  const key = study.patient_key;
  const name = study.patient || t("list.unnamed");
  const nth = nthVisit(study);
  const other = visit === second && first.study.value !== null && (key === "" || first.study.value.patient_key !== key);
  const parts = [study.patient_id, date(study.date), nth, study.label].filter((part) => part !== "");
  return (
    <p class="whose" data-study={study.id} title={[name, ...parts].join(" · ")}>
      <strong>{name}</strong>
      {parts.map((part) => (
        <span key={part}>{part}</span>
      ))}
      {other && <em>{t("visit.other")}</em>}
      {visit === first && layout.value === "visits" && <em class="mine">{t("visit.mine")}</em>}
      {study.signed && <em class="good">{t("state.signed")}</em>}
      {study.stale && <em>{t("study.stale")}</em>}
    </p>
  );
}

function Windows() {
  const images = first.images.value;
  const now = windowing.value;
  if (images === null) return null;
  const current = images.windows.find((one) => one.level === now.level && one.width === now.width);
  return (
    <label>
      <span>{t("view.window")}</span>
      <select
        class="window"
        value={current?.key ?? ""}
        onChange={(event) => {
          const found = images.windows.find((one) => one.key === event.currentTarget.value);
          if (found) windowing.value = { level: found.level, width: found.width };
        }}
      >
        {!current && <option value="">{t("view.window.own")}</option>}
        {images.windows.map((one, n) => (
          <option key={one.key} value={one.key}>
            {n + 1} · {words.value?.windows?.[one.key] ?? one.key} {one.width}/{one.level}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Whether the two visits move together, and from which places. */
function Linking() {
  return (
    <>
      <label class="check">
        <input type="checkbox" checked={linked.value} onChange={(event) => (linked.value = event.currentTarget.checked)} />
        <span>{t("link.on")}</span>
      </label>
      <button type="button" onClick={linkHere}>
        {t("link.here")}
      </button>
    </>
  );
}

export function Heading() {
  return (
    <div class="heading">
      {layout.value === "visits" ? <Linking /> : <Whose visit={first} />}
      <span class="spread" />
      {layout.value !== "planes" && (
        <label>
          <span>{t("view.plane")}</span>
          <select value={bigPlane.value} onChange={(event) => (bigPlane.value = event.currentTarget.value as typeof bigPlane.value)}>
            {(["axial", "coronal", "sagittal"] as const).map((one) => (
              <option key={one} value={one}>
                {t(`plane.${one}`)}
              </option>
            ))}
          </select>
        </label>
      )}
      <Windows />
    </div>
  );
}
