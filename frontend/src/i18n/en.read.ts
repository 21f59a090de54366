export const enRead = {} as const;
