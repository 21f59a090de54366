import { expect, test } from "vitest";
import { packed } from "../../src/regions/packed";

/** The members as a reader of .zip finds them: from the end, by the list of entries; each with its checksum. */
async function members(file: File): Promise<Record<string, [checksum: number, text: string]>> {
  const view = new DataView(await file.arrayBuffer());
  const text = (at: number, length: number) => new TextDecoder().decode(new Uint8Array(view.buffer, at, length));
  const end = view.byteLength - 22;
  expect(view.getUint32(end, true)).toBe(0x06054b50);
  const found: Record<string, [number, string]> = {};
  let at = view.getUint32(end + 16, true);
  expect(at + view.getUint32(end + 12, true)).toBe(end);
  for (let n = 0; n < view.getUint16(end + 10, true); n++) {
    expect(view.getUint32(at, true)).toBe(0x02014b50);
    const [size, length, head] = [view.getUint32(at + 24, true), view.getUint16(at + 28, true), view.getUint32(at + 42, true)];
    expect(view.getUint32(head, true)).toBe(0x04034b50);
    expect([view.getUint32(head + 22, true), view.getUint16(head + 26, true)]).toEqual([size, length]);
    found[text(at + 46, length)] = [view.getUint32(at + 16, true), text(head + 30 + length, size)];
    at += 46 + length;
  }
  return found;
}

test("files become one zip, and keep of their names what says what they are", async () => {
  const files = [new File(["123456789"], "Dupont Jeanne.NII.gz"), new File(["{}"], "Dupont.json"), new File([], "IM 0001")];
  // 0xcbf43926 is the checksum that every description of CRC-32 gives for these nine digits.
  expect(await members(await packed(files))).toEqual({ "1.nii.gz": [0xcbf43926, "123456789"], "2.json": [0xa3a6bf43, "{}"], "3": [0, ""] });
});

test("a zip goes as it is", async () => {
  const zip = new File(["PK"], "set.ZIP");
  expect(await packed([zip])).toBe(zip);
});
