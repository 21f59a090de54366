/** Failures in the reader's language. */
import type { Failure } from "../api";
import { language } from "../state";
import { frErrors } from "./fr.errors";
import { frStudyErrors } from "./fr.errors.study";

const french = { ...frErrors, ...frStudyErrors };
/** Where in a table the server says that something is. */
const PLACES = [
  [/\brow (\d+)/, "ligne"],
  [/\bcolumn '([^']{1,40})'/, "colonne"],
] as const;

function placed(sentence: string, told: string): string {
  const places = PLACES.flatMap(([pattern, name]) => {
    const at = pattern.exec(told)?.[1];
    return at === undefined ? [] : [`${name} ${at}`];
  });
  return places.length === 0 ? sentence : `${sentence} (${places.join(", ")})`;
}

/** The failure with its sentence and advice in the reader's language; as the server says it where there are no other words. */
export function inWords<T extends Failure>(failure: T): Failure {
  const known = language.value === "fr" && Object.hasOwn(french, failure.code) ? french[failure.code] : undefined;
  return { code: failure.code, what: known ? placed(known[0], failure.what) : failure.what, advice: known?.[1] ?? failure.advice, study: failure.study };
}

/** Sentence and advice as one text. */
export function saying(failure: Failure): string {
  const { what, advice } = inWords(failure);
  return [what, advice].filter((text) => text !== "").join(". ");
}
