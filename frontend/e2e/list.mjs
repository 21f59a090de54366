// The study list in use: a zip uploaded, a study found and fetched from an archive where one is configured, an import cancelled and taken up again, a path that is wrong.
import { api } from "./open.mjs";

async function until(page, what, good, patience_ms = 180_000) {
  const from = Date.now();
  while (Date.now() - from < patience_ms) {
    const found = good((await api(page, "GET", "/studies")).body.studies);
    if (found) return found;
    await page.waitForTimeout(200);
  }
  throw new Error(`not within ${patience_ms / 1000} s: ${what}`);
}

export async function list(page, { home, check, picture, zip, folder }) {
  await page.goto(`${home}/#/studies`);
  await page.waitForSelector(".add");
  const known = new Set((await api(page, "GET", "/studies")).body.studies.map((one) => one.id));
  const added = (state) => (studies) => studies.find((one) => !known.has(one.id) && one.state === state);

  if (zip) {
    await page.setInputFiles("input[name=zip]", zip);
    await page.waitForSelector(".add progress");
    const sent = await until(page, "upload", added("imported"));
    known.add(sent.id);
    check(sent.passes > 0, `upload: ${sent.passes} passes`);
  }
  if ((await api(page, "GET", "/archives")).body.archives.length > 0) {
    await page.fill("input[name=patient_name]", "*a*");
    await page.click(".add form:has(select) button[type=submit]");
    await page.waitForSelector(".found li button");
    await picture("archive");
    await page.click(".found li button >> nth=0");
    const fetched = await until(page, "retrieval", added("imported"));
    known.add(fetched.id);
    check(fetched.passes > 0, `archive: found and fetched, ${fetched.passes} passes`);
  }
  if (folder) {
    await page.fill("input[name=path]", folder);
    await page.click(".add form:first-of-type button[type=submit]");
    await page.locator(".job.running button, .job.waiting button").first().click();
    const stopped = await until(page, "cancelling", (studies) => studies.find((one) => !known.has(one.id) && one.job?.state === "cancelled"));
    await picture("cancelled");
    await page.locator(".job.cancelled button").first().click();
    await page.waitForSelector(".job.running progress, .job.waiting progress");
    await picture("running");
    const done = await until(page, "going on", (studies) => studies.find((one) => one.id === stopped.id && one.state === "imported"));
    check(done.passes > 0, "an import was cancelled and taken up again");
  }
  await page.fill("input[name=path]", "/no/such/folder");
  await page.click(".add form:first-of-type button[type=submit]");
  await page.waitForSelector("[role=alert] .alarm");
  check((await page.locator(".alarm strong").innerText()) === "SOURCE-MISSING", "a wrong path is said in words, with its code");
  await picture("wrong-path");
  await page.locator(".alarm button").click();
}

// Play goes through the passes by itself, and the same key stops it.
export async function plays(page, { home, check, study }) {
  await page.goto(`${home}/#/study/${study}`);
  await page.waitForSelector(".pane.axial[data-shown]");
  await page.waitForTimeout(1000);
  await page.locator(".pane.axial").focus();
  const seen = new Set();
  await page.keyboard.press("Space");
  const from = Date.now();
  while (seen.size < 5 && Date.now() - from < 30_000) {
    await page.waitForTimeout(100);
    seen.add(await page.locator(".pane.axial").getAttribute("data-shown"));
  }
  await page.keyboard.press("Space");
  await page.waitForTimeout(400);
  const still = await page.locator(".pane.axial").getAttribute("data-shown");
  await page.waitForTimeout(800);
  check(seen.size >= 5 && still === (await page.locator(".pane.axial").getAttribute("data-shown")), `play showed ${seen.size} passes, and stopped`);
}
