/** Says a failure to the reader. */
import { ApiError } from "./api";
import { alarm } from "./state";

export function tell(failure: unknown): void {
  if (failure instanceof DOMException && failure.name === "AbortError") return;
  alarm.value = failure instanceof ApiError ? failure : { code: "PAGE-FAULT", what: failure instanceof Error ? failure.message : String(failure), advice: "" };
}
