// Texts in the page's language. Only that language's file is loaded.

/** @typedef {typeof import("./strings/en.js").default} Strings */
/** @typedef {keyof Strings} Key */

const FILES = {
  en: () => import("./strings/en.js"),
  ur: () => import("./strings/ur.js"),
};

/** @typedef {keyof typeof FILES} Language */

export const LANGUAGES = /** @type {const} */ ({ en: "English", ur: "اردو" });

/** @returns {Language} */
export function getLanguage() {
  return document.documentElement.lang === "ur" ? "ur" : "en";
}

/** @type {Strings | undefined} */
let strings;

/** Load the language's texts; to be awaited before anything is shown. */
export async function loadStrings() {
  strings = (await FILES[getLanguage()]()).default;
}

/**
 * Keep another language and show the page in it.
 *
 * @param {Language} language
 */
export function setLanguage(language) {
  remember("awazpulse.language", language);
  const address = new URL(location.href);
  address.searchParams.delete("lang");
  history.replaceState(null, "", address);
  location.reload();
}

/**
 * Return a text; `{name}` in it stands for a value. A text with forms is chosen by the value `n`.
 *
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  /** @type {string | Record<string, string> | undefined} */
  const found = strings?.[key];
  if (found === undefined) {
    return key;
  }
  const text = typeof found === "string" ? found : chooseForm(found, Number(values.n));
  return text.replace(/\{(\w+)\}/g, (_, name) => formatValue(values[name]));
}

/**
 * Return a text whose key is only known when the page runs, or what is said in its place.
 *
 * @param {string} key
 * @param {string} otherwise
 * @param {Record<string, string | number>} [values]
 */
export function tryText(key, otherwise, values) {
  return strings && key in strings ? t(/** @type {Key} */ (key), values) : otherwise;
}

/**
 * @param {Record<string, string>} forms
 * @param {number} n
 */
function chooseForm(forms, n) {
  const name = new Intl.PluralRules(getLanguage()).select(n);
  return forms[name] ?? forms.other ?? "";
}

/** @param {string | number | undefined} value */
function formatValue(value) {
  return typeof value === "number" ? formatNumber(value) : (value ?? "");
}

function getLocale() {
  return getLanguage() === "ur" ? "ur-PK-u-nu-latn-hc-h23" : navigator.language || "en";
}

/**
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export function formatNumber(value, options) {
  return new Intl.NumberFormat(getLocale(), options).format(value);
}

/**
 * Return a time in the viewer's zone.
 *
 * @param {string | number | Date} time
 * @param {Intl.DateTimeFormatOptions} [options]
 */
export function formatTime(time, options = CLOCK) {
  return new Intl.DateTimeFormat(getLocale(), options).format(new Date(time));
}

const CLOCK = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit" });

/** @param {string | number | Date} time */
export function formatMoment(time) {
  const isToday = new Date(time).toDateString() === new Date().toDateString();
  const clock = CLOCK;
  return formatTime(
    time,
    isToday ? { ...clock, second: "2-digit" } : { ...clock, day: "numeric", month: "short" },
  );
}

/**
 * Return a length as 1:02:03 or 02:03.
 *
 * @param {number} seconds
 */
export function formatLength(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, at) => (at ? String(part).padStart(2, "0") : String(part))).join(":");
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  const megabytes = bytes / 1024 ** 2;
  return `${formatNumber(megabytes, { maximumFractionDigits: megabytes < 10 ? 1 : 0 })} MB`;
}

/**
 * Keep a choice of the viewer's, if the browser lets us. Never a secret.
 *
 * @param {string} name
 * @param {string} value
 */
export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage is forbidden: the choice holds until the page goes.
  }
}

/** @param {string} name */
export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
