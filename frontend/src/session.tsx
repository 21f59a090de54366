/** The way to a second window on this computer, and out of the room where one has an account. */
import { useRef, useState } from "preact/hooks";
import { send } from "./api";
import { t } from "./i18n";
import { me } from "./state";
import { tell } from "./tell";

function AnotherWindow() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [link, setLink] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState(false);
  const make = async (): Promise<void> => {
    const { path } = await send<{ path: string }>("POST", "/links");
    setLink(location.origin + path);
    setCopied(false);
    dialog.current?.showModal();
  };
  const copy = async (): Promise<void> => {
    field.current?.select();
    // A browser may forbid it: the address is selected then, to be copied by hand.
    await navigator.clipboard.writeText(link).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return (
    <>
      <button type="button" class="quiet" onClick={() => void make().catch(tell)}>
        {t("window.another")}
      </button>
      <dialog ref={dialog} aria-labelledby="window-title" onClose={() => setLink("")}>
        <h2 id="window-title">{t("window.another")}</h2>
        <p>{t("window.how")}</p>
        <input ref={field} class="link" readOnly value={link} aria-label={t("window.link")} onFocus={(event) => event.currentTarget.select()} />
        <div class="answers">
          <span role="status">{copied ? t("window.copied") : ""}</span>
          <button type="button" onClick={() => void copy()}>
            {t("window.copy")}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            {t("close")}
          </button>
        </div>
      </dialog>
    </>
  );
}

export function Session() {
  if (me.value === null) return null;
  if (me.value.local) return <AnotherWindow />;
  const leave = async (): Promise<void> => {
    await send("POST", "/logout");
    location.reload();
  };
  return (
    <button type="button" class="quiet" onClick={() => void leave().catch(tell)}>
      {t("session.leave")}
    </button>
  );
}
