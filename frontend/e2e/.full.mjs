import { open, api, drawn, importStudy, median } from "./open.mjs";
const { browser, page, faults } = await open(process.argv[2]);
try {
  await page.waitForTimeout(500);
  const s = await importStudy(page, "/tmp/room/phF/dicom", 500000);
  console.log(JSON.stringify(s));
} catch (e) { console.log(e); await page.screenshot({ path: "/tmp/room/view/fail.png" }); }
console.log(faults.slice(0, 10));
await browser.close();
