/** The report over the images, as wide as they are: a page to be read before it is signed. */
import { signal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { first } from "../state";

/** True while the report covers the images. */
export const reportOpen: Signal<boolean> = signal(false);

export function ReportOver() {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    close.current?.focus();
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      event.stopPropagation();
      reportOpen.value = false;
    };
    // Before the shortcuts hear it, for which Escape ends what is being drawn.
    window.addEventListener("keydown", escape, true);
    return () => {
      window.removeEventListener("keydown", escape, true);
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const study = first.study.value;
  if (study === null) return null;
  const address = `/api/studies/${study.id}/report.html`;
  return (
    <section class="report-over" aria-labelledby="report-over">
      <div class="heading">
        <h2 id="report-over">{t("report.over")}</h2>
        <span class="spread" />
        <a class="button" href={address} target="_blank" rel="noopener">
          {t("report.over.apart")}
        </a>
        <button ref={close} type="button" aria-keyshortcuts="Escape" onClick={() => (reportOpen.value = false)}>
          {t("report.over.close")}
        </button>
      </div>
      <iframe key={`${study.signed?.at ?? ""} ${study.job?.id ?? ""} ${study.job?.state ?? ""}`} sandbox="" title={t("report.over")} src={address} />
    </section>
  );
}
