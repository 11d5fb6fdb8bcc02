// Values as people read them.

const number = new Intl.NumberFormat("en");

export const count = (value) => number.format(value);
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

export function bytes(value) {
  if (value < 1024) return `${value} B`;
  const power = Math.min(3, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** power).toFixed(1)} ${["", "KiB", "MiB", "GiB"][power]}`;
}

const UNITS = [["y", 31_536_000], ["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

// Seconds as the two largest units, or one where the second tells nothing: "2 d 4 h", "20 d".
export function duration(seconds) {
  let left = Math.round(Math.abs(seconds));
  if (left === 0) return Math.abs(seconds) > 0.0005 ? `${Math.round(Math.abs(seconds) * 1000)} ms` : "0 s";
  const parts = [];
  for (const [unit, size] of UNITS) {
    if (left >= size) {
      const whole = Math.floor(left / size);
      parts.push(`${count(whole)} ${unit}`);
      left %= size;
      if (parts.length === 2 || whole >= 10) break;
    } else if (parts.length) break;
  }
  return parts.join(" ");
}

export const relative = (seconds) =>
  Math.abs(seconds) < 0.5 ? "now" : seconds > 0 ? `in ${duration(seconds)}` : `${duration(seconds)} ago`;

export const iso = (unix) => new Date(unix * 1000).toISOString();
export const dateOf = (unix) => iso(unix).slice(0, 10);
export const timeOf = (unix) => iso(unix).slice(11, 19);
export const absolute = (unix) => `${dateOf(unix)} ${timeOf(unix)} UTC`;

export function statusClass(status) {
  if (status === null || status === undefined) return "gone";
  return status >= 500 ? "s5" : status >= 400 ? "s4" : status >= 300 ? "s3" : "s2";
}

// The state of an audience or a list: a class, which has a colour and a mark.
export function stateClass(status) {
  if (status.endsWith("INITIALIZING") || ["PROCESSING", "RUNNING", "UPLOADING", "NOT_STARTED"].includes(status)) return "building";
  if (["READY", "ELIGIBLE", "SUCCEEDED"].includes(status)) return "ready";
  if (status === "TOO_SMALL" || status.includes("INELIGIBLE")) return "small";
  return "failed";
}

export const words = (status) => status.toLowerCase().replaceAll("_", " ");
