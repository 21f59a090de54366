/** The overlay that shows every shortcut and mouse habit. */
import { signal, type Signal } from "@preact/signals";
import { Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "./i18n";
import { keys } from "./keys";

export const helpOpen: Signal<boolean> = signal(false);

const SIGNS: Record<string, string> = { Arrows: "← → ↑ ↓", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
const NAMED = ["space", "Shift", "Escape", "Enter", "Backspace", "Delete", "PageUp", "PageDown"] as const;

/** What stands on a key of the reader's keyboard. */
function sign(part: string): string {
  const named = NAMED.find((one) => one === part);
  return named === undefined ? (SIGNS[part] ?? (part.length === 1 ? part.toUpperCase() : part)) : t(`sign.${named}`);
}

function Combo({ combo }: { combo: string }) {
  const parts = combo.length > 1 ? combo.split(/\+(?=.)/) : [combo];
  return (
    <>
      {parts.map((part) => (
        <kbd key={part}>{sign(part)}</kbd>
      ))}
    </>
  );
}

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

/** Shortcuts by what they do: keys that do the same share a row, and the four arrows are one. */
function rows(): { title: string; combos: string[] }[] {
  const titles = new Map<string, string[]>();
  for (const one of keys.all()) titles.set(one.title(), [...(titles.get(one.title()) ?? []), one.combo]);
  return [...titles].map(([title, combos]) => {
    const arrows = combos.filter((combo) => ARROWS.some((arrow) => combo.endsWith(arrow)));
    const rest = combos.filter((combo) => !arrows.includes(combo));
    return { title, combos: arrows.length === ARROWS.length ? [...rest, arrows[0]!.replace(ARROWS[0]!, "Arrows")] : combos };
  });
}

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open && dialog.current?.open) dialog.current.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      {open && (
        <>
          <h2 id="help-title">{t("help.title")}</h2>
          <h3>{t("help.keys")}</h3>
          <dl class="help-keys">
            {rows().map(({ title, combos }) => (
              <div key={title}>
                <dt>
                  {combos.map((combo) => (
                    <Fragment key={combo}>
                      <span>
                        <Combo combo={combo} />
                      </span>{" "}
                    </Fragment>
                  ))}
                </dt>
                <dd>{title}</dd>
              </div>
            ))}
          </dl>
          <h3>{t("help.mouse")}</h3>
          <dl class="help-keys">
            {(["left", "right", "middle", "wheel", "ctrlwheel", "double"] as const).map((one) => (
              <div key={one}>
                <dt>{t(`mouse.${one}`)}</dt>
                <dd>{t(`mouse.${one}.does`)}</dd>
              </div>
            ))}
          </dl>
          <button type="button" onClick={() => (helpOpen.value = false)}>
            {t("close")}
          </button>
        </>
      )}
    </dialog>
  );
}
