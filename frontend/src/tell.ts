/** Says a failure to the reader. */
import { ApiError, knownAs } from "./api";
import { alarm } from "./state";

export function tell(failure: unknown): void {
  if (failure instanceof DOMException && failure.name === "AbortError") return;
  const study = knownAs(failure);
  if (failure instanceof ApiError) alarm.value = study === null ? failure : { code: failure.code, what: failure.what, advice: failure.advice, study };
  else alarm.value = { code: "PAGE-FAULT", what: failure instanceof Error ? failure.message : String(failure), advice: "" };
}
