/** Entries of the trail in the reader's words: what was done, and its detail. */
import { date, t } from "../i18n";
import { nameOf, verb } from "../regions/names";
import { words } from "../state";

const DID = [
  "import-asked",
  "retrieve-asked",
  "analysis-asked",
  "send-asked",
  "cohort-asked",
  "archive-searched",
  "job-ended",
  "job-resumed",
  "job-cancel-asked",
  "regions-changed",
  "regions-late",
  "study-trashed",
  "study-restored",
  "signed",
  "reopened",
  "login",
  "login-refused",
  "account-set",
  "account-removed",
] as const;
const PARTS = [
  "account",
  "archive",
  "at",
  "code",
  "cohort",
  "compare",
  "deed",
  "digest",
  "edits",
  "files",
  "found",
  "job",
  "kind",
  "language",
  "model",
  "motion",
  "reader",
  "region",
  "regions",
  "role",
  "sealed",
  "state",
  "statement",
  "uploaded",
  "version",
] as const;
const JOBS = ["import", "retrieve", "analyze", "send", "cohort"] as const;
const STATES = ["waiting", "running", "done", "failed", "cancelled", "interrupted"] as const;
const MOTIONS = ["deformable", "rigid", "none"] as const;

function one<T extends string>(known: readonly T[], text: unknown): T | undefined {
  return known.find((each) => each === text);
}

/** What was done; a deed that this page does not know stands as the server names it. */
export function deed(what: string): string {
  const known = one(DID, what);
  return known === undefined ? what : t(`did.${known}`);
}

function value(key: string, of: unknown): string {
  if (typeof of === "boolean") return t(of ? "yes" : "no");
  const job = key === "kind" ? one(JOBS, of) : undefined;
  if (job !== undefined) return t(`job.${job}`);
  const state = key === "state" ? one(STATES, of) : undefined;
  if (state !== undefined) return t(`job.state.${state}`);
  const motion = key === "motion" ? one(MOTIONS, of) : undefined;
  if (motion !== undefined) return t(`motion.${motion}`);
  if (key === "deed") return verb(String(of));
  if (key === "region") return nameOf(String(of));
  if (key === "at") return date(String(of), true);
  if (key === "language" && (of === "en" || of === "fr")) return t(`language.${of}`);
  if (key === "model") return words.value?.models[String(of)]?.name ?? String(of);
  if (key === "regions" && typeof of === "object" && of !== null) {
    return Object.entries(of).map(([name, version]) => `${nameOf(name)} (${t("regions.version", { n: String(version) })})`).join(", ");
  }
  return typeof of === "object" ? JSON.stringify(of) : String(of);
}

/** The detail of an entry as a line; what is empty is left out. */
export function detail(of: Record<string, unknown>): string {
  return Object.entries(of)
    .filter(([, each]) => each !== null && each !== undefined)
    .map(([key, each]) => {
      // Whose edit it was that somebody took back.
      const known = key === "of" ? "by" : one(PARTS, key);
      return t("pair", { what: known === undefined ? key : t(`audit.${known}`), value: value(key, each) });
    })
    .join(" · ");
}
