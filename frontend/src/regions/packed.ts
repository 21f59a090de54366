/** Files as one .zip, as they are: what the server takes a set of regions in. */

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc32(data: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of data) sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 0xff]!;
  return ~sum >>> 0;
}

/** A record of a .zip: fields of 2 or 4 bytes, little end first. */
function record(...fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

/** The suffix that says what a file is; the rest of its name may hold the patient's and stays here. */
function suffix(name: string): string {
  return /(\.nii\.gz|\.[a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** The files in one .zip, numbered in their order; a single .zip as it is. */
export async function packed(files: readonly File[]): Promise<File> {
  if (files.length === 1 && suffix(files[0]!.name) === ".zip") return files[0]!;
  const parts: BlobPart[] = [];
  const list: BlobPart[] = [];
  let [at, listed] = [0, 0];
  for (const [n, file] of files.entries()) {
    const data = new Uint8Array(await file.arrayBuffer());
    const name = new TextEncoder().encode(`${n + 1}${suffix(file.name)}`);
    // Version, flags, method (stored), time, date (1 January 1980), checksum, both sizes, lengths of name and extra field.
    const facts = [[2, 20], [2, 0], [2, 0], [2, 0], [2, 0x21], [4, crc32(data)], [4, data.length], [4, data.length], [2, name.length], [2, 0]] as const;
    const head = record([4, 0x04034b50], ...facts);
    const entry = record([4, 0x02014b50], [2, 20], ...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]);
    parts.push(head, name, data);
    list.push(entry, name);
    at += head.length + name.length + data.length;
    listed += entry.length + name.length;
  }
  const end = record([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, listed], [4, at], [2, 0]);
  return new File([...parts, ...list, end], "regions.zip", { type: "application/zip" });
}
