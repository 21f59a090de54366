// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { deed, detail } from "../src/list/deeds";
import { language } from "../src/state";

afterEach(() => {
  language.value = "en";
});

test("entries of the trail are in the reader's words", () => {
  const drawn = { deed: "brush", regions: { aorta: 2, "lesion-1": 3 } };
  expect(detail(drawn)).toBe("edit: brush · regions: Aorta (version 2), Lesion 1 (version 3)");
  language.value = "fr";
  expect(deed("regions-changed")).toBe("régions modifiées");
  expect(detail(drawn)).toBe("modification : pinceau · régions : Aorte (version 2), Lésion 1 (version 3)");
  expect(detail({ job: "ab12", kind: "analyze", state: "failed", code: "AORTA-NOT-FOUND" })).toBe("tâche : ab12 · genre : Analyse · état : échec · erreur : AORTA-NOT-FOUND");
  expect(detail({ motion: "rigid", compare: false, language: "fr", model: null })).toBe("correction du mouvement : rigide · modèles comparés : non · compte rendu en : français");
  expect(detail({ deed: "undo", of: "Dr A. Martin" })).toBe("modification : annulée · par : Dr A. Martin");
});

test("what this page does not know stands as the server tells it", () => {
  expect(deed("moved-to-moon")).toBe("moved-to-moon");
  expect(detail({ orbit: 3 })).toBe("orbit: 3");
});
