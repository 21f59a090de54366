/** Addresses within the page: #/studies, #/study/ID, #/study/ID/with/ID2, #/cohort/ID (or #/cohorts). */
import { computed, signal, type ReadonlySignal } from "@preact/signals";

export type Route =
  | { page: "studies" }
  | { page: "study"; id: string; other: string | null }
  | { page: "cohort"; id: string | null }
  | { page: "audit"; study: string | null };

const ID = /^[0-9a-z-]{1,64}$/;

/** The route of an address; anything that is none leads to the study list. */
export function parse(hash: string): Route {
  const parts = hash.replace(/^#\/?/, "").split("/");
  const id = (n: number): string | null => (ID.test(parts[n] ?? "") ? parts[n]! : null);
  const one = id(1);
  if (parts[0] === "study" && one !== null) return { page: "study", id: one, other: parts[2] === "with" ? id(3) : null };
  if (parts[0] === "cohort" || parts[0] === "cohorts") return { page: "cohort", id: one };
  if (parts[0] === "audit") return { page: "audit", study: one };
  return { page: "studies" };
}

const hash = signal(location.hash);
window.addEventListener("hashchange", () => (hash.value = location.hash));

export const route: ReadonlySignal<Route> = computed(() => parse(hash.value));

export function go(to: string): void {
  location.hash = to;
}
