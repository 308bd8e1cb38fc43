// Encoders by the names that people know.

import { t } from "./i18n.js";

const NAMES = /** @type {[RegExp, string][]} */ ([
  [/obs|libobs/i, "OBS"],
  [/butt/i, "BUTT"],
  [/lavf|ffmpeg|FMLE|LNX/i, "FFmpeg"],
  [/gstreamer/i, "GStreamer"],
  [/mixxx/i, "Mixxx"],
  [/liquidsoap/i, "Liquidsoap"],
]);

/**
 * Return the name of an encoder by what it says that it is.
 *
 * @param {string} said
 */
export function nameEncoder(said) {
  return NAMES.find(([pattern]) => pattern.test(said))?.[1] ?? (said.slice(0, 40) || t("encoder"));
}

/**
 * The program that the guide speaks of.
 *
 * @param {"hls" | "icecast"} type
 */
export function usualEncoder(type) {
  return type === "hls" ? "OBS" : "BUTT";
}
