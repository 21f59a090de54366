import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const PERMISSIVE = new Set(["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD", "Unlicense", "CC0-1.0", "Zlib", "BlueOak-1.0.0"]);

interface Package {
  name: string;
  version: string;
  licence: string;
  text: string;
}

/** The package folder a module file lies in: the last node_modules/NAME or node_modules/@SCOPE/NAME of its path. */
function folderOf(module: string): string | null {
  const parts = module.replace(/^\0+/, "").split("?")[0]!.split("/");
  const at = parts.lastIndexOf("node_modules");
  if (at < 0) return null;
  return parts.slice(0, at + (parts[at + 1]?.startsWith("@") ? 3 : 2)).join("/");
}

function read(folder: string): Package {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const licence = typeof about.license === "string" ? about.license : String((about.license as { type?: string } | undefined)?.type ?? "");
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name));
  return { name: String(about.name), version: String(about.version), licence, text: file ? readFileSync(join(folder, file), "utf8").trim() : "" };
}

/** Writes LICENSES.txt of every package that went into the page, and stops the build at a licence that is not permissive. */
export function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle(_options, bundle) {
      const folders = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const module of chunk.moduleIds) {
          const folder = folderOf(module);
          if (folder !== null && existsSync(join(folder, "package.json"))) folders.add(folder);
        }
      }
      const packages = [...folders].map(read).sort((a, b) => a.name.localeCompare(b.name, "en"));
      const refused = packages.filter((one) => !one.licence.replace(/[()]/g, "").split(" OR ").some((name) => PERMISSIVE.has(name)));
      if (refused.length > 0) this.error(`not permissive: ${refused.map((one) => `${one.name} (${one.licence})`).join(", ")}`);
      const text = packages.map((one) => `${one.name} ${one.version} - ${one.licence}\n\n${one.text}\n`).join(`\n${"-".repeat(80)}\n\n`);
      writeFileSync(join(import.meta.dirname, "LICENSES.txt"), text);
      this.emitFile({ type: "asset", fileName: "LICENSES.txt", source: text });
    },
  };
}
