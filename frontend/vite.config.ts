import { defineConfig } from "vite";
import { licences } from "./licences.ts";

export default defineConfig({
  // Cornerstone's dependencies import two Node modules that the browser lacks.
  resolve: { alias: { events: "events/", url: "url/" } },
  plugins: [licences()],
  build: {
    outDir: "../src/hepaflow/web/page",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000", "/enter": "http://127.0.0.1:8000" } },
});
