/** Failures in the reader's language. */
import type { Failure } from "../api";
import { language } from "../state";
import { frErrors } from "./fr.errors";

/** The failure with its sentence and advice in the reader's language; as the server says it where there are no other words. */
export function inWords<T extends Failure>(failure: T): Failure {
  const known = language.value === "fr" && Object.hasOwn(frErrors, failure.code) ? frErrors[failure.code] : undefined;
  return { code: failure.code, what: known?.[0] ?? failure.what, advice: known?.[1] ?? failure.advice };
}

/** Sentence and advice as one text. */
export function saying(failure: Failure): string {
  const { what, advice } = inWords(failure);
  return [what, advice].filter((text) => text !== "").join(". ");
}
