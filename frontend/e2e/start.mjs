// A study given at the start: its import is seen, then its pictures; a second time leads to the first; removed studies are put back.
//
//   node e2e/start.mjs --url URL --dicom FOLDER [--out FOLDER]
//
// URL is what `hepaflow serve FOLDER` prints; the room must hold no study before.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { album, ledger } from "./ledger.mjs";
import { api, open } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "dicom", "out"].map((name) => [name, { type: "string" }])) });
const { browser, page, faults, home } = await open(given.url);
const { check, end } = ledger();
const shot = album(page, resolve(given.out ?? "start"));

const study = new URL(page.url()).hash.replace("#/study/", "");
check(/^[0-9a-f]{12}$/.test(study), "the address leads to the study");
await page.waitForSelector(".arriving, .pane.axial[data-shown]");
if (await page.locator(".arriving").count()) {
  await page.waitForSelector(".arriving .job progress");
  await shot("arriving");
}
await page.waitForSelector(".pane.axial[data-shown]", { timeout: 240_000 });
check((await page.locator("[role=alert] .alarm").count()) === 0, "its pictures follow by themselves, without an alert");
await shot("pictures");

await page.goto(`${home}/#/studies`);
await page.fill("input[name=path]", resolve(given.dicom));
await page.click(".add form:first-of-type button[type=submit]");
await page.waitForSelector(".alarm a.button", { timeout: 240_000 });
check((await page.locator(".alarm strong").innerText()) === "STUDY-KNOWN", "a study that is here already is said to be");
check((await api(page, "GET", "/studies")).body.studies.length === 1, "and is in the list once");
await shot("known");
await page.click(".alarm a.button");
await page.waitForSelector(".pane.axial[data-shown]");
check(page.url().endsWith(study), "the alert leads to it");

await page.goto(`${home}/#/studies`);
await page.click("tr[data-study] button.quiet");
await page.click("dialog[open] button.danger");
await page.waitForSelector(".removed summary");
await page.click(".removed summary");
await shot("removed");
await page.click(".removed li button");
await page.waitForSelector(`tr[data-study="${study}"]`);
check((await page.locator(".removed").count()) === 0, "a removed study is put back");
// Asking for a study that is gone, or here under another identifier, is how the page learns of it.
const others = faults.filter((one) => !/status of 40[49].*\/api\/studies\//.test(one));
check(others.length === 0, `no fault in the browser ${others.join("; ")}`);
await browser.close();
end();
