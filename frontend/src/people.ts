/** Who reads, in which language, with which words. */
import { get, send, type Me, type Words } from "./api";
import { keepName } from "./signer";
import { language, me, palettes, words } from "./state";

export async function loadMe(): Promise<void> {
  me.value = await get<Me>("/me");
  language.value = me.value.language === "fr" ? "fr" : "en";
  document.documentElement.lang = language.value;
}

export async function loadWords(): Promise<void> {
  const [some, colours] = await Promise.all([
    get<Words>(`/words?language=${language.value}`),
    Object.keys(palettes.value).length > 0 ? palettes.value : get<Record<string, [number, number, number][]>>("/palettes"),
  ]);
  words.value = some;
  palettes.value = colours;
}

/** Switches the language at once; the server keeps it for the next visit. */
export async function speak(chosen: "en" | "fr"): Promise<void> {
  language.value = chosen;
  document.documentElement.lang = chosen;
  await Promise.all([loadWords(), send<Me>("PUT", "/me", { language: chosen })]);
}

export async function rename(reader: string): Promise<void> {
  me.value = await send<Me>("PUT", "/me", { reader });
  keepName(me.value.reader);
}
