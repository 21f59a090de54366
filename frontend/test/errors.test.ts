import { afterEach, expect, test } from "vitest";
import { inWords, saying } from "../src/i18n/errors";
import { language } from "../src/state";

afterEach(() => {
  language.value = "en";
});

const stale = { code: "CASE-STALE", what: "the results are not those of the regions as they are", advice: "Analyse the study again, then sign" };

test("a failure is told in the reader's language, and as the server says it where there are no other words", () => {
  expect(saying(stale)).toBe("the results are not those of the regions as they are. Analyse the study again, then sign");
  language.value = "fr";
  expect(inWords(stale)).toEqual({ code: "CASE-STALE", what: "les résultats ne sont pas ceux des régions telles qu’elles sont", advice: "Analysez de nouveau l’examen, puis signez" });
  expect(saying({ code: "NO-SUCH-CODE", what: "this", advice: "" })).toBe("this");
  // A code that is the name of something every object has is no text.
  expect(saying({ code: "constructor", what: "this", advice: "that" })).toBe("this. that");
});

test("the place in a table is told in French too", () => {
  language.value = "fr";
  const wrong = { code: "STUDY-NOT-A-NUMBER", what: "row 5, column 'bf_ratio' is not a number", advice: "Correct it" };
  expect(inWords(wrong).what).toBe("une valeur n’est pas un nombre (ligne 5, colonne bf_ratio)");
});

test("a study that is here already is led to in both languages", () => {
  const known = { code: "STUDY-KNOWN", what: "this study is here already", advice: "Open it", study: "f17f5d5e4147" };
  for (const one of ["en", "fr"] as const) {
    language.value = one;
    expect(inWords(known).study).toBe("f17f5d5e4147");
  }
});
