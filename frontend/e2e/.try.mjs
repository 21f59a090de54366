import { open, api, drawn } from "./open.mjs";
import { placement } from "./geometry.mjs";
const { browser, page, faults } = await open(process.argv[2]);
try {
  await page.waitForTimeout(500);
  const s = (await api(page, "GET", "/studies")).body.studies[0];
  const t0 = Date.now();
  await page.goto(new URL(`/#/study/${s.id}`, page.url()).href);
  await drawn(page, 3);
  console.log("first", Date.now() - t0);
  await page.waitForTimeout(500);
  console.log(JSON.stringify(await placement(page)));
  await page.screenshot({ path: "/tmp/room/view/2-view.png" });
} catch (e) { console.log(e); await page.screenshot({ path: "/tmp/room/view/fail.png" }); }
console.log(faults.slice(0, 10));
await browser.close();
