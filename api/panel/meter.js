// How loud the station is: each side's peak, and its loudness, in decibels below full scale.

import { PlainElement, html, nothing } from "./lit.js";
import { formatNumber, t } from "./i18n.js";

const FLOOR_DBFS = -60;

/** @typedef {import("./channel-state.js").Levels} Levels */

class Meter extends PlainElement {
  static properties = { levels: { attribute: false }, isLive: { attribute: false } };

  constructor() {
    super();
    /** @type {Levels | null} */
    this.levels = null;
    this.isLive = false;
  }

  render() {
    const { levels } = this;
    const peaks = levels?.peakDbfs ?? [FLOOR_DBFS, FLOOR_DBFS];
    const loudness = levels?.rmsDbfs ?? peaks;
    const loudest = Math.max(...peaks);
    return html`<div class="meter ${levels ? "" : "still"}">
      <div
        class="bars"
        role="meter"
        aria-label=${t("meter.label")}
        aria-valuemin=${FLOOR_DBFS}
        aria-valuemax="0"
        aria-valuenow=${Math.max(FLOOR_DBFS, Math.round(loudest))}
        aria-valuetext=${levels ? t("meter.value", { n: -Math.round(loudest) }) : t("meter.none")}
      >
        ${peaks.map(
          (peak, side) =>
            html`<div class="bar-track">
              <i class="loudness" .style=${`--part: ${findPart(loudness[side] ?? peak)}`}></i>
              <i class="peak" .style=${`--part: ${findPart(peak)}`}></i>
            </div>`,
        )}
      </div>
      <span class="dim small">
        ${
          levels
            ? html`<bdi>${formatNumber(loudest, { maximumFractionDigits: 0 })} dBFS</bdi>`
            : t(this.isLive ? "meter.waiting" : "meter.none")
        }
        ${levels?.isClipped ? html`<strong class="bad-text">${t("meter.clipped")}</strong>` : nothing}
        ${levels?.isMono ? html`<span>· ${t("audio.mono")}</span>` : nothing}
      </span>
    </div>`;
  }
}
customElements.define("aw-meter", Meter);

/** @param {number} dbfs */
function findPart(dbfs) {
  return Math.min(1, Math.max(0, 1 - dbfs / FLOOR_DBFS)).toFixed(3);
}
