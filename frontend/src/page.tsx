/** The page's frame: header, route, alert, help. */
import { useEffect } from "preact/hooks";
import type { ComponentType } from "preact";
import { hear, onConnection } from "./api";
import { Help, helpOpen } from "./help";
import { t } from "./i18n";
import { inWords } from "./i18n/errors";
import { keys } from "./keys";
import { AuditPage } from "./list/audit";
import { StudiesPage } from "./list/studies";
import { refreshStudies, regionsChanged, studyChanged, jobChanged } from "./list/follow";
import { loadMe, loadWords, rename, speak } from "./people";
import { route, type Route } from "./router";
import { alarm, language, me, said } from "./state";
import { signal, type Signal } from "@preact/signals";
import { Session } from "./session";
import { tell } from "./tell";
import { registerPanels } from "./view/analyse";
import { registerActions } from "./view/actions";
import { StudyPage } from "./view/study";

export { openPanel, panels, toolbar } from "./slots";
export { tell } from "./tell";

/** The component of a route that another room draws: pages.register("cohort", Cohorts). */
const registered: Signal<Partial<Record<Route["page"], ComponentType>>> = signal({});
export const pages = {
  register(page: Route["page"], component: ComponentType): void {
    registered.value = { ...registered.value, [page]: component };
  },
};

/** False while the event connection is broken. */
export const serverThere: Signal<boolean> = signal(true);

function Alarm() {
  const now = alarm.value && inWords(alarm.value);
  return (
    <div role="alert" class="alarm-place">
      {now && (
        <div class="alarm">
          <p>
            <strong>{now.code}</strong> {now.what}
            {now.advice ? <span class="advice">. {now.advice}</span> : null}
          </p>
          {now.study && (
            <a class="button" href={`#/study/${now.study}`} onClick={() => (alarm.value = null)}>
              {t("study.open.known")}
            </a>
          )}
          <button type="button" onClick={() => (alarm.value = null)}>
            {t("close")}
          </button>
        </div>
      )}
    </div>
  );
}

function Header() {
  const now = route.value;
  const current = (page: Route["page"]) => (now.page === page ? ("page" as const) : undefined);
  return (
    <header class="top">
      <a class="brand" href="#/studies">
        hepaflow
      </a>
      <nav aria-label={t("nav.label")}>
        <a href="#/studies" aria-current={current("studies")}>
          {t("nav.studies")}
        </a>
        {registered.value.cohort && (
          <a href="#/cohorts" aria-current={current("cohort")}>
            {t("nav.cohorts")}
          </a>
        )}
        <a href="#/audit" aria-current={current("audit")}>
          {t("nav.audit")}
        </a>
      </nav>
      <span class="spread" />
      <strong class="research">{t("research")}</strong>
      {!serverThere.value && (
        <span class="away" role="status">
          {t("server.away")}
        </span>
      )}
      {me.value?.local ? (
        <label class="who">
          <span>{t("me.reader")}</span>
          <input
            value={me.value.reader}
            maxLength={64}
            autocomplete="off"
            onChange={(event) => {
              const field = event.currentTarget;
              void rename(field.value).catch((error: unknown) => {
                field.value = me.value?.reader ?? "";
                tell(error);
              });
            }}
          />
        </label>
      ) : (
        <span class="who">{me.value?.reader}</span>
      )}
      <div class="languages" role="group" aria-label={t("language")}>
        {(["en", "fr"] as const).map((one) => (
          <button type="button" key={one} lang={one} aria-pressed={language.value === one} onClick={() => void speak(one).catch(tell)}>
            {one.toUpperCase()}
          </button>
        ))}
      </div>
      <Session />
      <button type="button" class="quiet" aria-keyshortcuts="?" onClick={() => (helpOpen.value = true)}>
        {t("help")}
      </button>
    </header>
  );
}

function Body() {
  const now = route.value;
  const Other = registered.value[now.page];
  if (Other) return <Other />;
  if (now.page === "study") return <StudyPage key={`${now.id} ${now.other}`} id={now.id} other={now.other} />;
  if (now.page === "audit") return <AuditPage study={now.study} />;
  return <StudiesPage />;
}

export function Page() {
  useEffect(() => {
    keys.register({ combo: "?", title: () => t("help.title"), action: () => (helpOpen.value = !helpOpen.value), where: "everywhere" });
    registerActions();
    registerPanels();
    const stops = [
      keys.listen(() => route.value.page === "study"),
      hear("study", (heard) => void studyChanged(heard).catch(tell)),
      hear("job", jobChanged),
      hear("regions", (heard) => void regionsChanged(heard).catch(tell)),
      onConnection((alive) => {
        if (alive) void refreshStudies().catch(tell);
        serverThere.value = alive;
      }),
    ];
    void loadMe()
      .then(() => Promise.all([loadWords(), refreshStudies()]))
      .catch(tell);
    return () => stops.forEach((stop) => stop());
  }, []);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        {t("skip")}
      </a>
      <Header />
      <main id="main" tabIndex={-1} class={route.value.page}>
        <Body />
      </main>
      <Alarm />
      <div role="status" class="hidden">
        {said.value}
      </div>
      <Help />
    </>
  );
}
