// Somebody who may only look, on a server with accounts and a certificate: the page says so, offers no tool that would fail, and shows
// regions, curves, live numbers and the report without a single refused request.
//
//   node e2e/viewer.mjs --url https://HOST:PORT --name NAME --password PASSWORD [--language en|fr] [--out FOLDER]
//
// The room needs an analysed study with lesions.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { album, ledger } from "./ledger.mjs";
import { accessible, api, drawn, open, until } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "name", "password", "out", "language"].map((name) => [name, { type: "string" }])) });
const { page, browser, faults } = await open(given.url, { insecure: true, login: { name: given.name, password: given.password } });
const refused = [];
page.on("response", (response) => {
  if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`);
});
const { check, end } = ledger();
const shot = album(page, resolve(given.out ?? "viewer"));
const home = new URL("/", page.url()).href;
check((await api(page, "GET", "/me")).body.role === "viewer", "logged in as a viewer");
if (given.language) await page.click(`.languages button[lang=${given.language}]`);
await page.waitForSelector("table.studies");
await shot("studies");
check((await page.locator(".add").count()) === 0, "nothing to import with");
const study = (await api(page, "GET", "/studies")).body.studies.find((one) => one.analysis && one.lesions > 0);
await page.goto(`${home}#/study/${study.id}`);
await drawn(page, 3);
await page.waitForSelector("[data-role=viewer]");
check((await page.locator("[data-tool^=draw-]").count()) === 0, "no drawing tools");
const before = (await api(page, "GET", `/studies/${study.id}/regions`)).body.cursor;
const box = await page.locator(".pane.axial").boundingBox();
for (const key of ["n", "b", "i", "Delete", "Control+z", "Shift+n"]) {
  await page.keyboard.press(key);
  await page.mouse.click(box.x + box.width * 0.4, box.y + box.height * 0.5);
}
await page.click("ul.regions .name >> nth=0");
await page.keyboard.press("Delete");
await page.waitForTimeout(800);
await shot("regions");
check((await api(page, "GET", `/studies/${study.id}/regions`)).body.cursor === before, "no key draws");
await page.click("#tab-results");
await until(page, "live numbers", () => page.locator(".source.live").count(), 60_000);
await page.waitForTimeout(1500);
await shot("results");
check((await page.locator("[data-act=analyse]").count()) === 0, "numbers are there, no button to analyse");
for (const name of ["curves", "report", "protocol", "analyse"]) {
  await page.click(`#tab-${name}`);
  await page.waitForTimeout(900);
  await shot(name);
  const serious = await accessible(page);
  check(serious.length === 0, `accessible: ${name}${serious.length ? ` ${JSON.stringify(serious)}` : ""}`);
  check((await page.locator("[data-act=sign], [data-act=send], .analyse button.main:not([disabled])").count()) === 0, `${name}: nothing to sign, send or start`);
}
await page.goto(`${home}#/cohorts`);
await page.waitForSelector("[data-role=viewer]");
check((await page.locator(".new-cohort").count()) === 0, "no new cohort");
check(refused.length === 0, `nothing was refused ${refused.join(" | ")}`);
check((await page.locator(".alarm").count()) === 0, "no alarm on the page");
check(faults.length === 0, `the browser told no fault ${faults.join(" | ")}`);
await browser.close();
end();
