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

/** Digits of any script, of full width too, are the same digits. */
export function latinDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => String(valueOf(digit)));
}

/** In every script the ten digits stand in a row, and only the mathematical ones stand five rows to a block. */
function valueOf(digit: string): number {
  const point = digit.codePointAt(0) ?? 0;
  if (point >= 0x1d7ce && point <= 0x1d7ff) return (point - 0x1d7ce) % 10;
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(point - value - 1))) value += 1;
  return value;
}

export function remaining(ends: string, now: number): string {
  const seconds = Math.max(0, Math.floor((new Date(ends).getTime() - now) / 1000));
  return `${pad(Math.floor(seconds / 60))}:${pad(seconds % 60)}`;
}
