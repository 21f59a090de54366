// Every drawing tool with a real mouse on the server: what is drawn is what the server holds, and undo takes it all back.
//
//   node e2e/drawing.mjs --url URL --study ID [--out FOLDER] [--state FILE]
//
// The study needs an aorta (propose one first); the lesion that is drawn is deleted at the end.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { album, ledger } from "./ledger.mjs";
import { api, drawn, open } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "study", "out", "state"].map((name) => [name, { type: "string" }])) });
const { study } = given;
const { page, browser, faults } = await open(given.url, { state: given.state });
const { check, end } = ledger();
const shot = album(page, resolve(given.out ?? "drawing"));

const all = async () => (await api(page, "GET", `/studies/${study}/regions`)).body.regions;
async function region(name) {
  const found = (await all()).find((one) => one.name === name && !one.deleted);
  return found && { ...found, shapes: (await api(page, "GET", `/studies/${study}/regions/${name}/shapes`)).body.shapes };
}

// The region once it changed from `version`.
async function changed(name, version, patience_ms = 15_000) {
  const end = Date.now() + patience_ms;
  while (Date.now() < end) {
    const now = await region(name);
    if (now !== undefined && now.version > version) {
      await page.waitForTimeout(250);
      return now;
    }
    await page.waitForTimeout(80);
  }
  await shot("waiting");
  throw new Error(`${name} did not change; ${faults.join(" | ")}`);
}

await page.goto(new URL(`/#/study/${study}`, page.url()).href);
await drawn(page, 3);
await page.click("#tab-regions");
await page.waitForTimeout(800);
const box = await page.locator(".pane.axial").boundingBox();
const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];

async function drag(from, to) {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...to, { steps: 8 });
  await page.mouse.up();
}

async function slices(by) {
  await page.mouse.move(...at(0.5, 0.5));
  for (let n = 0; n < Math.abs(by); n += 1) {
    await page.mouse.wheel(0, Math.sign(by) * 100);
    await page.waitForTimeout(60);
  }
  await page.waitForTimeout(200);
}

// --- ellipse on two slices; the slices between follow --------------------------------------------------------------------------------
const names = new Set((await all()).map((one) => one.name));
await page.click("[data-act=new-lesion]");
await page.keyboard.press("i");
await drag(at(0.3, 0.48), at(0.42, 0.6));
let name;
for (let n = 0; n < 100 && name === undefined; n += 1) {
  name = (await all()).find((one) => !names.has(one.name))?.name;
  await page.waitForTimeout(100);
}
let now = await changed(name, 0);
const [k] = Object.keys(now.shapes).map(Number);
check(now.shapes[k].kind === "ellipse" && now.shapes[k].points.length === 4, "an ellipse by its four ends");
await slices(4);
await drag(at(0.33, 0.51), at(0.39, 0.57));
now = await changed(name, now.version);
const keys = Object.keys(now.shapes).map(Number).sort((a, b) => a - b);
check(keys.length === 2 && keys[1] - keys[0] === 4 && now.box[1] - now.box[0] === 5, `slices between ${keys.join(" and ")} are filled in`);
check((await page.locator(".pane.axial .key-slice").count()) === 2, "key slices stand on the slice scale");
await shot("interpolated");

// --- its handles -----------------------------------------------------------------------------------------------------------------------
let before = now.voxels;
await drag(at(0.39, 0.54), at(0.44, 0.54));
now = await changed(name, now.version);
check(now.voxels > before, "an end drawn out makes it larger");
let spot = now.shapes[keys[1]].points[0];
await drag(at(0.36, 0.54), at(0.34, 0.54));
now = await changed(name, now.version);
check(Math.abs(now.shapes[keys[1]].points[0][1] - spot[1]) > 1, "its centre moves the whole");
await page.keyboard.press("Escape");

// --- spline: points, one put in, one taken out -----------------------------------------------------------------------------------------
await page.keyboard.press("s");
await slices(-2);
for (const [x, y] of [[0.3, 0.5], [0.4, 0.48], [0.43, 0.58], [0.33, 0.61]]) {
  await page.mouse.click(...at(x, y));
  await page.waitForTimeout(320);
}
await page.keyboard.press("Enter");
now = await changed(name, now.version);
const middle = String(Math.round((keys[0] + keys[1]) / 2));
check(now.shapes[middle]?.kind === "spline" && now.shapes[middle].points.length === 4, "a spline through four points on the slice between");
await page.keyboard.press("e");
await page.mouse.dblclick(...at(0.425, 0.53));
now = await changed(name, now.version);
check(now.shapes[middle].points.length === 5, "a double click puts a point in");
await page.keyboard.down("Alt");
await page.mouse.click(...at(0.3, 0.5));
await page.keyboard.up("Alt");
now = await changed(name, now.version);
check(now.shapes[middle].points.length === 4, "Alt and a click take one out");
await shot("spline");

// --- freehand, brush, eraser ---------------------------------------------------------------------------------------------------------
await page.keyboard.press("h");
await page.mouse.move(...at(0.36, 0.47));
await page.mouse.down();
for (let n = 0; n <= 40; n += 1) await page.mouse.move(...at(0.36 + 0.06 * Math.sin(n / 6.4), 0.53 - 0.06 * Math.cos(n / 6.4)));
await page.mouse.up();
now = await changed(name, now.version);
check(now.shapes[middle].kind === "freehand" && now.shapes[middle].points.length > 8, "a freehand outline");
before = now.voxels;
await page.keyboard.press("b");
await page.keyboard.press("]");
await drag(at(0.42, 0.52), at(0.46, 0.56));
now = await changed(name, now.version);
check(now.voxels > before && now.shapes[middle] === undefined, "the brush adds voxels; its slice is no outline any more");
before = now.voxels;
await page.keyboard.press("d");
await drag(at(0.44, 0.54), at(0.47, 0.57));
now = await changed(name, now.version);
check(now.voxels < before, "the eraser takes voxels");
before = now.voxels;
const coronal = await page.locator(".pane.coronal").boundingBox();
await page.keyboard.press("b");
await page.mouse.move(coronal.x + coronal.width * 0.3, coronal.y + coronal.height * 0.5);
await page.mouse.down();
await page.mouse.move(coronal.x + coronal.width * 0.34, coronal.y + coronal.height * 0.5, { steps: 4 });
await page.mouse.up();
now = await changed(name, now.version);
check(now.voxels > before, "the brush works in the coronal plane");
await page.keyboard.press("Control+z");
now = await changed(name, now.version);
check(now.voxels === before, "undo takes the stroke back");
await shot("brushed");

// --- caliper, move --------------------------------------------------------------------------------------------------------------------
await page.keyboard.press("u");
await drag(at(0.3, 0.55), at(0.45, 0.52));
await drag(at(0.37, 0.48), at(0.38, 0.59));
now = await changed(name, now.version);
const { caliper } = now;
const way = ([a, b]) => a.map((value, n) => b[n] - value);
const dot = way(caliper.long).reduce((sum, value, n) => sum + value * way(caliper.short)[n], 0);
check(caliper.long_mm > caliper.short_mm && Math.abs(dot) < 0.05 * caliper.long_mm * caliper.short_mm, `the caliper's axes cross at a right angle: ${caliper.long_mm} x ${caliper.short_mm} mm`);
await shot("caliper");
const was = now.box;
await page.keyboard.press("j");
await drag(at(0.37, 0.53), at(0.41, 0.53));
now = await changed(name, now.version);
check(now.box[4] > was[4] && now.box[0] === was[0], "the whole region moves");

// --- a vessel in one pass --------------------------------------------------------------------------------------------------------------
await page.click("ul.regions [data-region=aorta] .name");
await page.waitForTimeout(500);
await page.click("ul.regions [data-region=aorta] .more");
let aorta = await region("aorta");
const vessel = await page.locator(".pane.axial path[data-region=aorta]").boundingBox();
const on = [vessel.x + vessel.width / 2, vessel.y + vessel.height / 2];
await page.keyboard.press("k");
await drag(on, [on[0] + 12, on[1]]);
aorta = await changed("aorta", aorta.version);
check(aorta.shifts.length === 1 && aorta.shifts[0].mm[0] > 1, `the aorta is shifted in pass ${aorta.shifts[0]?.pass + 1}: ${aorta.shifts[0]?.mm} mm`);
check((await page.locator(".pane.axial path.shifted[data-region=aorta]").count()) === 1, "and drawn where it lies there");
await shot("shifted");
await page.keyboard.press("Escape");
await page.keyboard.press("ArrowLeft");
await page.waitForTimeout(500);
check((await page.locator(".pane.axial path.shifted[data-region=aorta]").count()) === 0, "in the pass before it is where it was");
await page.keyboard.press("ArrowRight");
await page.waitForTimeout(300);
await page.click(".shifts > button");
aorta = await changed("aorta", aorta.version);
check(aorta.shifts.length === 0, "the shift is reset");

// --- rename, history, delete, restore ---------------------------------------------------------------------------------------------------
await page.click(`ul.regions [data-region=${name}] .name`);
await page.keyboard.press("Delete");
await page.waitForSelector(".deleted summary");
await page.waitForFunction((one) => document.querySelector(`ul.regions [data-region=${one}]`) === null, name);
check((await region(name)) === undefined, "deleted");
await page.keyboard.press("Control+z");
await page.waitForSelector(`ul.regions [data-region=${name}]`);
check((await region(name)) !== undefined, "and undone");
await api(page, "POST", `/studies/${study}/regions/${name}`, { base: (await region(name)).version, edit: { kind: "delete" } });

check(faults.length === 0, `no fault${faults.length ? `: ${faults.join(" | ")}` : ""}`);
await browser.close();
end();
