// Criteria that need a reader, with a real mouse and keyboard: what is missing is said, the morphology group and the enhancing part are
// given (proposed, measured, typed, none), and Chun, mRECIST and EASL are rated; then links that the DICOM results lack, before signing.
//
//   node e2e/criteria.mjs --url URL [--language en|fr] [--out FOLDER] [--state FILE]
//
// The room holds two analysed visits of one patient (as visits.mjs leaves it), the later one not signed.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { take } from "./hand.mjs";
import { album, ledger } from "./ledger.mjs";
import { accessible, api, open, until } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "out", "language", "state"].map((name) => [name, { type: "string" }])) });
const { page, browser, faults } = await open(given.url, { state: given.state });
const { check, end } = ledger();
const shot = album(page, resolve(given.out ?? "criteria"));
if (given.language) await page.click(`.languages button[lang=${given.language}]`);

const [before, after] = (await api(page, "GET", "/studies")).body.studies.filter((one) => one.state === "analysed").sort((a, b) => (a.date < b.date ? -1 : 1));
const hand = await take(page, after.id);
const criteria = async () => Object.fromEntries((await api(page, "GET", `/studies/${after.id}/criteria`)).body.criteria.map((one) => [one.criterion, one]));
const give = async (study, lesion, edit) => {
  const one = (await api(page, "GET", `/studies/${study}/regions`)).body.regions.find((each) => each.name === lesion);
  return (await api(page, "POST", `/studies/${study}/regions/${lesion}`, { base: one.version, edit })).status;
};

// --- linked, and nothing given yet -----------------------------------------------------------------------------------------------------
await hand.tab("results");
await page.waitForSelector("table.lesions tbody tr");
await page.click("[data-act=pairs]");
await page.waitForSelector(".identity li [data-act=confirm]", { timeout: 60_000 });
if (await page.locator("[data-act=confirm-all]").count()) await page.click("[data-act=confirm-all]");
await until(page, "the pairs", async () => (await hand.regions()).filter((one) => !one.deleted && one.identity?.study === before.id).length > 1);
for (const key of ["chun", "mrecist", "easl"]) {
  await page.waitForSelector(`.criteria [data-missing=${key}]`, { timeout: 60_000 });
  const told = await page.locator(`.criteria [data-missing=${key}]`).textContent();
  check(told.length > 30 && (await criteria())[key].missing.length > 0, `missing: ${told.slice(0, 90)}`);
}
await page.locator(".criteria [data-missing=easl]").scrollIntoViewIfNeeded();
await shot("missing");

// --- by keyboard alone: the group, a proposal, typed sizes, nothing ---------------------------------------------------------------------
const lesion = (await criteria()).chun.missing.find((one) => one.study === after.id).lesion;
await page.locator("[data-act=give-chun]").focus();
await page.keyboard.press("Enter");
const fields = page.locator(`[data-given=${lesion}]`);
await fields.waitFor();
await fields.locator("[data-act=morphology]").focus();
await page.keyboard.press("ArrowDown");
await until(page, "the group", async () => (await hand.region(lesion)).morphology.length === 1);
check((await hand.region(lesion)).morphology[0].group === 1, "the group by an arrow key");
await fields.locator("[data-act=viable-propose]").focus();
const proposal = (await api(page, "GET", `/studies/${after.id}/regions/${lesion}/viable`)).body;
await page.keyboard.press("Enter");
if (proposal.axes === null) {
  await page.waitForSelector(`[data-given=${lesion}] .note`);
  check((await hand.region(lesion)).viable === null, "nothing enhances more than the liver: nothing is guessed");
} else {
  const one = await until(page, "the proposal", async () => (await hand.region(lesion)).viable);
  check(Math.abs(one.long_mm - proposal.axes.long_mm) < 0.05 && one.pass === proposal.passes.at(-1), `proposed: ${one.long_mm} x ${one.short_mm} mm on pass ${one.pass + 1}`);
}
await page.waitForTimeout(1200);
await fields.scrollIntoViewIfNeeded();
await shot("proposed");
const serious = await accessible(page);
check(serious.length === 0, `accessible ${serious.length ? JSON.stringify(serious) : ""}`);
await fields.locator("[name=viable-long]").focus();
await page.keyboard.type("17.5");
await page.keyboard.press("Tab");
await page.keyboard.type("11");
await page.keyboard.press("Enter");
await until(page, "typed sizes", async () => (await hand.region(lesion)).viable?.long_mm === 17.5);
check((await hand.region(lesion)).viable.short_mm === 11 && (await hand.region(lesion)).viable.axes === null, "sizes by keyboard");
await fields.locator("[data-act=viable-none]").focus();
await page.keyboard.press("Enter");
await until(page, "nothing", async () => (await hand.region(lesion)).viable?.long_mm === 0);
check(true, "nothing enhances");

// --- with the mouse, on the image ---------------------------------------------------------------------------------------------------------
await fields.locator("[data-act=viable-measure]").click();
const { caliper } = (await api(page, "GET", `/studies/${after.id}/regions/${lesion}/caliper`)).body;
const middle = caliper.long[0].map((value, n) => (value + caliper.long[1][n]) / 2);
const { at } = await hand.reach("axial", middle);
await hand.drag(at(-8, 0), at(8, 0));
await hand.drag(at(0, -5), at(0, 4));
const measured = await until(page, "the axes", async () => { const { viable } = await hand.region(lesion); return viable?.axes && viable; });
// the panes show voxels of 3 mm, and a hand is no more exact than a pixel of the screen
check(Math.abs(measured.long_mm - 16) < 1 && Math.abs(measured.short_mm - 9) < 1 && (await hand.region(lesion)).caliper === null, `measured: ${measured.long_mm} x ${measured.short_mm} mm, apart from the caliper`);
await page.waitForTimeout(500);
await shot("measured");
check((await page.locator(".overlay .caliper.viable").count()) >= 2, "its axes are on the image");
await page.keyboard.press("Escape");

// --- everything given: rated, and by the log ----------------------------------------------------------------------------------------------
for (const key of ["chun", "easl"]) {
  for (const { study, lesion: name } of (await criteria())[key].missing) {
    const early = study === before.id;
    const edit = key === "chun" ? { kind: "morphology", group: early ? 3 : 1 } : { kind: "viable", viable: { long_mm: early ? 30 : 12, short_mm: early ? 20 : 8 } };
    if ((await give(study, name, edit)) !== 200) throw new Error(`${name} took no ${edit.kind}`);
  }
}
await hand.tab("results");
await page.waitForSelector(".criteria tbody[data-criterion=mrecist]", { timeout: 60_000 });
await until(page, "all to be given", async () => (await page.locator(".criteria [data-missing]").count()) === 0);
const rated = await criteria();
for (const key of ["chun", "mrecist", "easl"]) {
  const cell = await page.locator(`.criteria tbody[data-criterion=${key}] tr:first-child td`).nth(1).textContent();
  const { category } = rated[key].visits[1];
  check(category !== null && cell !== "" && rated[key].missing.length === 0, `${key}: ${category}, on the page ${cell}`);
}
await page.locator(".criteria tbody[data-criterion=easl]").scrollIntoViewIfNeeded();
await shot("rated");
await hand.tab("regions");
if (!(await fields.isVisible())) await page.click(`[data-region=${lesion}] .more`);
await page.click(`[data-region=${lesion}] [data-act=history]`);
await page.waitForSelector(`[data-region=${lesion}] .history li`);
await page.locator(`[data-region=${lesion}] .history`).scrollIntoViewIfNeeded();
await shot("history");
const { versions } = (await api(page, "GET", `/studies/${after.id}/regions/${lesion}/history`)).body;
check(versions.some((one) => one.kind === "morphology" && one.who && one.at) && versions.some((one) => one.kind === "viable"), "who gave what, and when, is in the log");

// --- links that the DICOM results lack ----------------------------------------------------------------------------------------------------
await hand.tab("report");
await page.waitForSelector("[data-links-left-out]", { timeout: 60_000 });
const { links_left_out: left } = (await api(page, "GET", `/studies/${after.id}/sign`)).body;
check(left.length > 1, `links not in the DICOM results: ${left.join(", ")}`);
await page.locator("[data-links-left-out]").scrollIntoViewIfNeeded();
await shot("links-left-out");

check(faults.length === 0, `the browser told no fault ${faults.slice(0, 3).join(" | ")}`);
await browser.close();
end();
