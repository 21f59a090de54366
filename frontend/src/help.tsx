/** The overlay that shows every shortcut and mouse habit. */
import { signal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "./i18n";
import { keys } from "./keys";

export const helpOpen: Signal<boolean> = signal(false);

const SIGNS: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "PgUp", PageDown: "PgDn" };

function Combo({ combo }: { combo: string }) {
  const parts = combo.length > 1 ? combo.split(/\+(?=.)/) : [combo];
  return (
    <>
      {parts.map((part) => (
        <kbd key={part}>{part === "space" ? t("key.space") : (SIGNS[part] ?? (part.length === 1 ? part.toUpperCase() : part))}</kbd>
      ))}
    </>
  );
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
          <div class="help-columns">
            <table>
              <caption>{t("help.keys")}</caption>
              <tbody>
                {keys.all().map((one) => (
                  <tr key={one.combo}>
                    <th scope="row">
                      <Combo combo={one.combo} />
                    </th>
                    <td>{one.title()}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <table>
              <caption>{t("help.mouse")}</caption>
              <tbody>
                {(["left", "right", "middle", "wheel", "ctrlwheel", "double"] as const).map((one) => (
                  <tr key={one}>
                    <th scope="row">{t(`mouse.${one}`)}</th>
                    <td>{t(`mouse.${one}.does`)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <button type="button" onClick={() => (helpOpen.value = false)}>
            {t("close")}
          </button>
        </>
      )}
    </dialog>
  );
}
