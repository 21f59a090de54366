/** What speaks against the studies of one patient number being of one patient. */
import type { Study } from "../api";
import { t } from "../i18n";

export function OfOnePatient({ visits }: { visits: readonly Study[] }) {
  const names = [...new Set(visits.map((one) => one.patient).filter((name) => name !== ""))].join(" / ");
  return (
    <>
      {visits[0]?.patient_differs.map((what) => (
        <p class="warn caution" role="note" data-differs={what} key={what}>
          {t(`list.differs.${what}`, { names })}
        </p>
      ))}
    </>
  );
}
