/** The column of tools at the left. */
import { Fragment } from "preact";
import { t } from "../i18n";
import { toolbar } from "../slots";

export function Toolbar() {
  let group: string | undefined;
  return (
    <div class="toolbar" role="toolbar" aria-label={t("tool.label")} aria-orientation="vertical">
      {toolbar.list.value.map((one) => {
        const apart = group !== undefined && one.group !== group;
        group = one.group;
        const label = one.shortcut ? `${one.title()} (${one.shortcut.toUpperCase()})` : one.title();
        return (
          <Fragment key={one.key}>
            {apart && <hr />}
            <button
              type="button"
              data-tool={one.key}
              title={label}
              aria-label={one.title()}
              aria-keyshortcuts={one.shortcut}
              aria-pressed={one.pressed?.()}
              disabled={one.disabled?.() ?? false}
              onClick={one.action}
            >
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={one.icon} />
              </svg>
            </button>
          </Fragment>
        );
      })}
    </div>
  );
}
