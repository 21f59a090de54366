// What a script checked, and the pictures it took on its way.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

// `check` says whether something is good, `wrong` holds what was not; `end` sums up and sets the exit code.
export function ledger() {
  const wrong = [];
  return {
    wrong,
    check(good, text) {
      console.log(`${good ? "ok  " : "FAIL"} ${text}`);
      if (!good) wrong.push(text);
    },
    end() {
      console.log(wrong.length === 0 ? "all good" : `${wrong.length} failed`);
      process.exitCode = wrong.length === 0 ? 0 : 1;
    },
  };
}

// Pictures of the page into a folder, in the order they were taken.
export function album(page, out) {
  mkdirSync(out, { recursive: true });
  let shots = 0;
  return (name) => {
    shots += 1;
    return page.screenshot({ path: join(out, `${String(shots).padStart(2, "0")}-${name}.png`) });
  };
}
