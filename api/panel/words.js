// Facts of a channel in an owner's words.

import { formatNumber, t, tryText } from "./i18n.js";

/** @param {string} address */
export function stripPort(address) {
  return address.replace(/:\d+$/, "");
}

/** @param {import("./channel-state.js").Audio} audio */
export function describeAudio({ codec, sampleRate, channels, bitrateKbps }) {
  const parts = [
    (codec ?? "").toUpperCase(),
    bitrateKbps ? t("unit.kbps", { n: bitrateKbps }) : "",
    sampleRate ? `${formatNumber(sampleRate / 1000, { maximumFractionDigits: 1 })} kHz` : "",
    channels ? t(channels === 1 ? "audio.mono" : "audio.stereo") : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/**
 * Return why an encoder was refused, in an owner's words.
 *
 * @param {string} reason
 * @param {string} streamType
 * @param {string} [detail]
 */
export function describeRefusal(reason, streamType, detail) {
  const key = `refusal.${reason}`;
  return tryText(`${key}.${streamType}`, tryText(key, detail ?? reason));
}
