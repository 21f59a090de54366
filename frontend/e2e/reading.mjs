// A reader's whole way with a real mouse: import, propose, analyse, adjust the aorta, outline a lesion by a click, correct it with the
// brush, read the ratio, analyse again, sign, download the report. Ends with 1 and a list when anything went wrong.
//
//   node e2e/reading.mjs --url URL --dicom FOLDER --at=X,Y,Z [--language en|fr] [--motion none] [--out FOLDER] [--cli "python -P -m hepaflow"]
//
// --at is the middle of a lesion in LPS mm. --motion is how motion is corrected; none is the quickest. --cli also runs the command line
// with the same motion on the exported regions and compares every ratio. --study ID takes up a study that is there and analysed, instead
// of importing one: it is reopened, and its lesions are deleted. --state is a file that keeps the session for the next run.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { apply, inverse, take } from "./hand.mjs";
import { album, ledger } from "./ledger.mjs";
import { accessible as serious, api, importStudy, open, until as patient } from "./open.mjs";

const { values: given } = parseArgs({ options: Object.fromEntries(["url", "dicom", "at", "language", "motion", "out", "cli", "study", "state"].map((name) => [name, { type: "string" }])) });
const language = given.language ?? "en";
const out = resolve(given.out ?? `reading-${language}`);
const target_mm = given.at.split(",").map(Number);

const { page, browser, faults } = await open(given.url, { state: given.state });
const { check, end, wrong } = ledger();
const shot = album(page, out);
const figures = { language, study: "", edits_ms: [] };

async function accessible(name) {
  const found = await serious(page);
  check(found.length === 0, `accessible: ${name}${found.length ? ` ${JSON.stringify(found)}` : ""}`);
}

async function until(what, ask, patience_ms) {
  return patient(page, what, ask, patience_ms).catch(async (error) => {
    await shot("waiting");
    throw new Error(`${error.message}; faults: ${faults.join(" | ")}`);
  });
}

// --- the study --------------------------------------------------------------------------------------------------------------------
await page.click(`.languages button[lang=${language}]`);
const study = given.study ? { id: given.study } : await importStudy(page, resolve(given.dicom));
figures.study = study.id;
if (!given.study) check(study.state === "imported", "imported");
await shot("studies");
const { images, reach, drag, tab, regions, region, state, analyse } = await take(page, study.id);

// Starts an analysis with a click, and waits for its end.
async function analysed(button) {
  const end = await analyse({ button });
  check(end.state === "done", `analysed in ${((Date.parse(end.ended) - Date.parse(end.started)) / 1000).toFixed(1)} s${end.error ? ` ${JSON.stringify(end.error)}` : ""}`);
}

// The outline of a region on the screen, against the mask that the server holds: the edge pixels it passes between, in half voxels.
async function outlined(name, plane) {
  const region = await page.evaluate(async ([study, name]) => {
    const answer = await fetch(`/api/studies/${study}/regions/${name}/mask`);
    return { box: answer.headers.get("X-Box").split(",").map(Number), octets: [...new Uint8Array(await answer.arrayBuffer())] };
  }, [study.id, name]);
  const [k0, k1, j0, j1, i0, i1] = region.box;
  const inside = (k, j, i) => {
    if (k < k0 || k >= k1 || j < j0 || j >= j1 || i < i0 || i >= i1) return false;
    const at = ((k - k0) * (j1 - j0) + (j - j0)) * (i1 - i0) + (i - i0);
    return (region.octets[at >> 3] & (128 >> (at & 7))) !== 0;
  };
  const { count, rows, columns, row_mm, column_mm, to_voxel } = images.planes[plane];
  const pane = page.locator(`.pane.${plane}`);
  const index = Number((await pane.getAttribute("data-shown")).split("?")[0].split("/").at(-1));
  const drawnPath = await pane.evaluate((element, name) => {
    const path = element.querySelector(`.overlay path.region[data-region="${name}"]`);
    if (path === null) return null;
    const [box, matrix] = [element.getBoundingClientRect(), path.getScreenCTM()];
    const points = [...path.getAttribute("d").matchAll(/(-?[\d.]+)[ ,]+(-?[\d.]+)/g)].map(([, x, y]) => {
      const at = new DOMPoint(Number(x), Number(y)).matrixTransform(matrix);
      return [at.x - box.left - element.clientLeft, at.y - box.top - element.clientTop];
    });
    return { points, wide: element.clientWidth, high: element.clientHeight };
  }, name);
  if (drawnPath === null || index < 0 || index >= count) return null;
  const scale = Math.min(drawnPath.wide / (columns * column_mm), drawnPath.high / (rows * row_mm));
  let worst = 0;
  let points = 0;
  for (const [x, y] of drawnPath.points) {
    const column = (x - drawnPath.wide / 2) / scale / column_mm + (columns - 1) / 2;
    const row = (y - drawnPath.high / 2) / scale / row_mm + (rows - 1) / 2;
    // Distance to the nearest edge between a pixel of the mask and one outside.
    let least = Infinity;
    for (let r = Math.floor(row) - 2; r <= row + 3; r += 1) for (let c = Math.floor(column) - 2; c <= column + 3; c += 1) {
      const [here, below, beside] = [[r, c], [r + 1, c], [r, c + 1]].map(([a, b]) => inside(...apply(to_voxel, [index, a, b]).map(Math.round)));
      if (here !== below) least = Math.min(least, Math.hypot(row - r - 0.5, Math.max(0, Math.abs(column - c) - 0.5)));
      if (here !== beside) least = Math.min(least, Math.hypot(Math.max(0, Math.abs(row - r) - 0.5), column - c - 0.5));
    }
    worst = Math.max(worst, least);
    points += 1;
  }
  return { worst, points };
}

if (given.study) {
  if ((await state()).signed) {
    await tab("report");
    await page.click("[data-act=reopen]");
    await page.click("[data-act=reopen-sure]");
    await until("the study to be open again", async () => (await state()).signed === null);
    check(true, "reopened");
  }
  await tab("regions");
  for (const one of (await regions()).filter((each) => each.kind === "lesion" && !each.deleted)) {
    await page.click(`ul.regions [data-region="${one.name}"] .name`);
    await page.keyboard.press("Delete");
    await until("the lesion to go", async () => (await region(one.name)) === undefined);
  }
}

// --- vessels, healthy liver -------------------------------------------------------------------------------------------------------
await tab("regions");
if (!given.study) await page.click("[data-act=propose]");
await until("proposals", async () => (await region("aorta")) && (await region("healthy")), 120_000);
await page.waitForTimeout(500);
await shot("proposed");
await accessible("regions");

// --- analysis of what was proposed ------------------------------------------------------------------------------------------------
if (!given.study) {
  await tab("analyse");
  if (given.motion) await page.locator("input[name=motion]").nth(["deformable", "rigid", "none"].indexOf(given.motion)).check();
  await analysed(".analyse button[type=submit]");
}
await tab("results");
await shot("analysed");

// --- the aorta, adjusted by hand --------------------------------------------------------------------------------------------------
await tab("regions");
await page.click("ul.regions [data-region=aorta] .name");
await page.waitForTimeout(700);
const aorta = await region("aorta");
const [k0, k1, j0, j1, i0, i1] = aorta.box;
const middle = apply(images.planes.axial.to_mm, apply(inverse(images.planes.axial.to_voxel), [(k0 + k1 - 1) / 2, (j0 + j1 - 1) / 2, (i0 + i1 - 1) / 2]));
const vessel = await reach("axial", middle);
await page.keyboard.press("j");
// More than half of the phantom's voxel, or the outline would stay where it is.
await drag(vessel.at(0, 0), vessel.at(2.5, 0));
const moved = await until("the aorta to move", async () => { const now = await region("aorta"); return now.version > aorta.version && now; });
check(moved.origin === "drawn", "the aorta was moved by hand");
await shot("aorta-moved");
await page.keyboard.press("Control+z");
await until("undo", async () => (await region("aorta")).version > moved.version);
await page.keyboard.press("Control+Shift+z");
await until("redo", async () => (await region("aorta")).version > moved.version + 1);
check(true, "undo and redo");

// --- a lesion from one click, corrected with the brush ----------------------------------------------------------------------------
const before = (await regions()).map((one) => one.name);
const spot = await reach("axial", target_mm);
await page.keyboard.press("n");
await page.mouse.click(...spot.at(0, 0));
const lesion = await until("the lesion", async () => (await regions()).find((one) => one.kind === "lesion" && !before.includes(one.name) && one.voxels > 0));
await page.waitForSelector(`.pane.axial .overlay path.region[data-region="${lesion.name}"]`);
await page.click(`ul.regions [data-region="${lesion.name}"] .name`);
await page.waitForTimeout(700);
await shot("lesion-clicked");
for (const plane of ["axial", "coronal", "sagittal"]) {
  const found = await outlined(lesion.name, plane);
  check(found !== null && found.points > 4 && found.worst <= 0.5, `outline in the ${plane} plane: ${found?.points} points, ${found?.worst.toFixed(2)} of a pixel from the mask at most`);
}
await tab("results");
const ratioCell = page.locator(`tr[data-lesion="${lesion.name}"] td.ratio`);
const shown = async () => Number(await ratioCell.getAttribute("data-whole-ratio").catch(() => null));
const first = await until("its ratio", async () => (await ratioCell.count()) > 0 && (await shown()), 60_000);
await page.keyboard.press("b");
const radius = Math.cbrt((3 * lesion.volume_ml * 1000) / (4 * Math.PI));
for (let n = 0; n < 3; n += 1) {
  const version = (await region(lesion.name)).version;
  const was = await shown();
  // Along the border, each time on another side, so that every stroke adds voxels.
  const [x, y] = [[0, -radius], [-radius, 0], [radius, 0]][n];
  await page.mouse.move(...spot.at(x - 3, y - 3));
  await drag(spot.at(x - 3, y - 3), spot.at(x + 3, y + 3), 4);
  const started = Date.now();
  await until("the stroke", async () => (await region(lesion.name)).version > version);
  const changed = await until("the new ratio", async () => (await shown()) !== was, 20_000).catch(() => false);
  if (changed) figures.edits_ms.push(Date.now() - started);
}
check(figures.edits_ms.length > 0, `ratio follows the brush: ${first.toFixed(3)} then ${(await shown()).toFixed(3)}, in ${figures.edits_ms.join(", ")} ms from the lifted brush`);
await tab("regions");
await page.waitForTimeout(500);
await shot("lesion-corrected");
for (const plane of ["axial", "coronal", "sagittal"]) {
  const found = await outlined(lesion.name, plane);
  check(found !== null && found.points > 4 && found.worst <= 0.5, `outline after the brush in the ${plane} plane: ${found?.points} points, ${found?.worst.toFixed(2)} of a pixel from the mask at most`);
}
await tab("results");
await accessible("results");
await tab("curves");
await page.waitForTimeout(900);
await shot("curves");
await accessible("curves");

// --- analysed again, the ratio read, signed ---------------------------------------------------------------------------------------
await tab("results");
await analysed("[data-act=analyse]");
const live = await until("the live ratio", shown);
const kept = (await api(page, "GET", `/studies/${study.id}/results`)).body;
const same = kept.lesions.find((one) => one.id === lesion.name);
check(same !== undefined && Math.abs(same.ratio.bf.value - live) <= 1e-6 * live, `live ratio ${live} equals the analysis ${same?.ratio.bf.value}`);
const text = await ratioCell.locator("strong").textContent();
check(language === "fr" ? /^\d,\d\d$/.test(text) : /^\d\.\d\d$/.test(text), `the ratio is written in the language: ${text}`);
await page.click(`tr[data-lesion="${lesion.name}"] .more`);
await page.waitForTimeout(500);
await shot("results");
await tab("report");
await page.waitForTimeout(1200);
await page.fill("input[name=reader]", "Dr A. Reader");
await page.fill("textarea[name=statement]", language === "fr" ? "Lu au complet." : "Read in full.");
await page.check("input[name=agreed]");
await shot("report");
await accessible("report");
await page.click("[data-act=sign]");
await until("the signature", async () => (await state()).signed !== null, 60_000);
await page.waitForSelector("[data-signed]");
await page.waitForTimeout(1000);
await shot("signed");
const [download] = await Promise.all([page.waitForEvent("download"), page.click("a[href$='report.pdf']")]);
await download.saveAs(join(out, "report.pdf"));
check(readFileSync(join(out, "report.pdf")).subarray(0, 5).toString() === "%PDF-", "the report was downloaded");
const refused = await api(page, "POST", `/studies/${study.id}/regions/aorta`, { base: (await region("aorta")).version, edit: { kind: "move", mm: [1, 0, 0] } });
check(refused.status === 409, "nothing is drawn into a signed study");

// --- the command line on the same regions -----------------------------------------------------------------------------------------
if (given.cli) {
  const [zip] = await Promise.all([page.waitForEvent("download"), page.click("a[href$='results.zip']")]);
  await zip.saveAs(join(out, "results.zip"));
  const python = given.cli.split(" ");
  const run = (command, ...rest) => {
    const done = spawnSync(command, rest, { encoding: "utf8", maxBuffer: 1 << 26 });
    if (done.status !== 0 && done.status !== 4) throw new Error(`${command} ${rest.join(" ")}: ${done.stderr}`);
    return done.stdout;
  };
  run("python3", "-m", "zipfile", "-e", join(out, "results.zip"), join(out, "results"));
  const rois = run("find", join(out, "results"), "-name", "rois.nii.gz").trim().split("\n")[0];
  run(python[0], ...python.slice(1), "analyze", resolve(given.dicom), "--rois", rois, ...(given.motion ? ["--motion", given.motion] : []), "--out", join(out, "case"));
  const other = JSON.parse(readFileSync(join(out, "case", "lesions.json"), "utf8"));
  for (const one of kept.lesions) {
    const twin = other.lesions.find((each) => each.id === one.id);
    check(twin !== undefined && twin.ratio.bf.value === one.ratio.bf.value, `${one.id}: ${one.ratio.bf.value} here, ${twin?.ratio.bf.value} by the command line`);
  }
}

// The drawing into the signed study was refused on purpose.
const unexpected = faults.filter((fault) => !(fault.includes("409") && fault.includes("/regions/aorta")));
check(unexpected.length === 0, `the browser told no fault${unexpected.length ? `: ${unexpected.slice(0, 5).join(" | ")}` : ""}`);
writeFileSync(join(out, "figures.json"), JSON.stringify({ ...figures, wrong }, null, 1));
await browser.close();
end();
