// Is what a pane shows where the page says it is? Compares canvas pixels with the server's octets at the places that the fitting camera gives.

// Runs in the page. Returns for each pane the mean difference of shown and expected grey at no shift, and the shift that fits best.
export function placement(page) {
  return page.evaluate(async () => {
    const answer = [];
    const id = location.hash.split("/")[2];
    const images = await (await fetch(`/api/studies/${id}/images`)).json();
    for (const pane of document.querySelectorAll(".pane[data-shown]")) {
      const path = pane.dataset.shown;
      const name = path.split("/")[5];
      const plane = images.planes[name];
      const hu = new Int16Array(await (await fetch(`/api${path}`)).arrayBuffer());
      const canvas = pane.querySelector(".picture canvas");
      const dense = canvas.width / canvas.clientWidth;
      const copy = document.createElement("canvas");
      Object.assign(copy, { width: canvas.width, height: canvas.height });
      const context = copy.getContext("2d");
      context.drawImage(canvas, 0, 0);
      const grey = context.getImageData(0, 0, copy.width, copy.height).data;
      const [w, h] = [pane.clientWidth, pane.clientHeight];
      const scale = Math.min(w / (plane.columns * plane.column_mm), h / (plane.rows * plane.row_mm));
      const [width, level] = document.querySelector(".corner.bottom-right").textContent.match(/-?\d+/g).map(Number);
      const expected = (value) => Math.max(0, Math.min(255, ((value - (level - width / 2)) / width) * 255));
      const sum = (dx, dy) => {
        let error = 0;
        let n = 0;
        for (let row = 2; row < plane.rows - 2; row += 2) {
          for (let column = 2; column < plane.columns - 2; column += 2) {
            const x = Math.floor((w / 2 + (column - (plane.columns - 1) / 2) * plane.column_mm * scale) * dense + dx);
            const y = Math.floor((h / 2 + (row - (plane.rows - 1) / 2) * plane.row_mm * scale) * dense + dy);
            if (x < 0 || y < 0 || x >= copy.width || y >= copy.height) continue;
            error += Math.abs(grey[(y * copy.width + x) * 4] - expected(hu[row * plane.columns + column]));
            n += 1;
          }
        }
        return n > 0 ? error / n : Infinity;
      };
      let best = { dx: 0, dy: 0, error: sum(0, 0) };
      const still = best.error;
      for (let dx = -6; dx <= 6; dx += 1) for (let dy = -6; dy <= 6; dy += 1) {
        const error = sum(dx, dy);
        if (error < best.error - 1e-9) best = { dx, dy, error };
      }
      answer.push({ pane: pane.dataset.pane, error: still, best });
    }
    return answer;
  });
}
