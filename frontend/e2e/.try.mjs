import { open, api, drawn } from "./open.mjs";
const { browser, page, faults } = await open(process.argv[2]);
try {
  await page.waitForTimeout(500);
  const s = (await api(page, "GET", "/studies")).body.studies[0];
  const w = (await api(page, "GET", "/words?language=fr")).body;
  console.log(Object.keys(w), JSON.stringify(w.windows), JSON.stringify(w.quantities).slice(0, 900), JSON.stringify(w.models), JSON.stringify(w.parts), JSON.stringify(w.ratio));
  const p = (await api(page, "GET", "/palettes")).body; console.log(Object.keys(p));
  await page.goto(new URL(`/#/study/${s.id}`, page.url()).href);
  await drawn(page, 3);
  await page.click("#tab-analyse");
  await page.screenshot({ path: "/tmp/room/view/3-analyse.png" });
  const t0 = Date.now();
  await page.click(".analyse button[type=submit]");
  await page.waitForTimeout(8000);
  await page.screenshot({ path: "/tmp/room/view/3-analysing.png" });
  for (let n = 0; n < 400; n += 1) {
    await page.waitForTimeout(1000);
    const one = (await api(page, "GET", "/studies")).body.studies[0];
    if (n % 10 === 0) console.log(n, one.state, one.job.step, one.job.done, one.job.total);
    if (one.job.state !== "running" && one.job.state !== "waiting") { console.log(JSON.stringify(one)); break; }
  }
  await page.waitForTimeout(2000);
  await page.screenshot({ path: "/tmp/room/view/3-analysed.png" });
} catch (e) { console.log(e); await page.screenshot({ path: "/tmp/room/view/fail.png" }); }
console.log(faults.slice(0, 10));
await browser.close();
