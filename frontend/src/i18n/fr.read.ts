import type { enRead } from "./en.read";

export const frRead: Record<keyof typeof enRead, string> = {};
