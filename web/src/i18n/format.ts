// Times in the viewer's zone, 24 hours, always the same shape; counts in the digits of the language.

const pad = (value: number) => String(value).padStart(2, "0");

/** `2026-11-22 09:05:00`, or null for a time that is not there. */
export function timestamp(value: string | null | undefined): string | null {
  if (!value) return null;
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return null;
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** Digits typed on a Persian or Arabic keyboard are the same digits. */
export function latinDigits(text: string): string {
  return text.replace(/[\u06f0-\u06f9\u0660-\u0669]/g, (digit) => String(digit.charCodeAt(0) & 0xf));
}

export function remaining(ends: string, now: number): string {
  const seconds = Math.max(0, Math.floor((new Date(ends).getTime() - now) / 1000));
  return `${pad(Math.floor(seconds / 60))}:${pad(seconds % 60)}`;
}
