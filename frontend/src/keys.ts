/** Keyboard: one table of shortcuts, which the help overlay also shows. */

export interface Shortcut {
  /** As written on the key, with modifiers in the order Ctrl+Alt+Shift: "space", "ArrowLeft", "Ctrl+z", "Ctrl+Shift+z", "?". */
  combo: string;
  title: () => string;
  action: (event: KeyboardEvent) => void;
  /** Where it works; "study" only while a study is open. */
  where?: "study" | "everywhere";
}

const table = new Map<string, Shortcut>();
let studyOpen: () => boolean = () => false;

function written(event: KeyboardEvent): string {
  const key = event.key === " " ? "space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // AltGr, which some keyboards need for brackets, is told as Ctrl and Alt held together.
  const graph = event.getModifierState("AltGraph");
  const ctrl = (event.ctrlKey && !graph) || event.metaKey;
  const modifiers = [ctrl ? "Ctrl+" : "", event.altKey && !graph ? "Alt+" : ""];
  // Shift is part of the character itself for a sign such as ?, and told only with letters, named keys and Ctrl.
  const shifted = event.shiftKey && (/^[a-z]$/.test(key) || key.length > 1 || ctrl);
  return `${modifiers.join("")}${shifted ? "Shift+" : ""}${key}`;
}

const PLACES: Record<string, string> = { BracketLeft: "[", BracketRight: "]" };

/** The shortcut at the key's place, for keyboards that write something else there: digits behind Shift, no brackets. */
function placed(event: KeyboardEvent): string | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  return /^Digit(\d)$/.exec(event.code)?.[1] ?? PLACES[event.code] ?? null;
}

/** True where typed characters are text and must not be taken for shortcuts. */
function typing(target: EventTarget | null, combo: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA") return true;
  if (target instanceof HTMLInputElement) {
    if (["range"].includes(target.type)) return combo.startsWith("Arrow") || combo === "Home" || combo === "End";
    return !["checkbox", "radio", "button", "submit"].includes(target.type) || combo === "space";
  }
  if (target.tagName === "SELECT") return true;
  // Space and Enter press the button that has the focus; arrows move within tab lists, menus and tables that say so.
  if ((combo === "space" || combo === "Enter") && target.closest("button, a, summary, [role=button], [role=tab]")) return true;
  return combo.startsWith("Arrow") && target.closest("[role=tablist], [role=menu], [role=radiogroup], [data-arrows]") !== null;
}

export const keys = {
  register(shortcut: Shortcut): () => void {
    table.set(shortcut.combo, shortcut);
    return () => {
      if (table.get(shortcut.combo) === shortcut) table.delete(shortcut.combo);
    };
  },
  all(): Shortcut[] {
    return [...table.values()];
  },
  listen(isStudyOpen: () => boolean): () => void {
    studyOpen = isStudyOpen;
    const down = (event: KeyboardEvent): void => {
      const said = written(event);
      const combo = table.has(said) ? said : (placed(event) ?? said);
      const found = table.get(combo);
      if (event.defaultPrevented || found === undefined || typing(event.target, combo)) return;
      if (document.querySelector("dialog[open]") !== null) return;
      if ((found.where ?? "study") === "study" && !studyOpen()) return;
      event.preventDefault();
      found.action(event);
    };
    window.addEventListener("keydown", down);
    return () => window.removeEventListener("keydown", down);
  },
};
