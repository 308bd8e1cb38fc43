// Listening to the station within the panel, and measuring how late it is heard.

import { PlainElement, html, nothing } from "./lit.js";
import { formatNumber, recall, remember, t } from "./i18n.js";
import { RadioPlayer } from "./player.js";
import { icon } from "./icons.js";

const MEASURE_MS = 1000;

/** @typedef {import("./channel-state.js").ChannelState} ChannelState */

class Listening extends PlainElement {
  static properties = { channel: { attribute: false } };

  constructor() {
    super();
    /** @type {ChannelState} */
    this.channel = /** @type {any} */ (undefined);
    this._player = new RadioPlayer();
    this._player.addEventListener("change", () => this.requestUpdate());
    /** @type {number | undefined} */
    this._timer = undefined;
  }

  connectedCallback() {
    super.connectedCallback();
    this._timer = setInterval(() => this._measure(), MEASURE_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this._timer);
    this._player.stop();
  }

  willUpdate() {
    const { channel } = this;
    const url = channel.addresses?.[channel.selectedType].playbackUrl;
    this._player.setStream(channel.isLive && url ? { type: channel.selectedType, url } : null);
    if (!channel.isLive && this._player.isWanted) {
      this._player.stop();
    }
  }

  _measure() {
    const delayS = this._player.delayS;
    if (delayS !== null) {
      keepDelay(this.channel.id, this.channel.selectedType, delayS);
      this.requestUpdate();
      this.dispatchEvent(new CustomEvent("delay-measured", { bubbles: true }));
    }
  }

  _turn() {
    if (this._player.isWanted) {
      this._player.stop();
    } else {
      this._player.play();
    }
  }

  render() {
    const { isLive } = this.channel;
    const player = this._player;
    const delayS = player.delayS;
    return html`<div class="listening">
      <button class="quiet" ?disabled=${!isLive} @click=${this._turn}>
        ${icon(player.isWanted ? "stop" : "play")}${t(player.isWanted ? "player.stop" : "player.listen")}
      </button>
      ${player.isWanted ? renderVolume(player) : nothing}
      <span class="dim small" data-state=${player.state}>
        ${player.isWanted ? t(`player.${player.state}`) : isLive ? nothing : t("player.off-air")}
        ${
          delayS === null
            ? nothing
            : html`· ${t("player.delay", { s: formatNumber(delayS, { maximumFractionDigits: 1 }) })}`
        }
      </span>
    </div>`;
  }
}
customElements.define("aw-listening", Listening);

/** @param {RadioPlayer} player */
export function renderVolume(player) {
  const { volume, muted } = player.audio;
  return html`<label class="volume">
    <span class="visually-hidden">${t("player.volume")}</span>
    ${icon(muted ? "muted" : "volume")}
    <input
      type="range"
      min="0"
      max="1"
      step="0.05"
      .value=${String(muted ? 0 : volume)}
      @input=${(/** @type {Event} */ event) =>
        player.setVolume(Number(/** @type {HTMLInputElement} */ (event.target).value))}
    />
  </label>`;
}

/**
 * @param {string} id
 * @param {string} type
 * @param {number} delayS
 */
function keepDelay(id, type, delayS) {
  remember(`awazpulse.delay.${id}.${type}`, delayS.toFixed(1));
}

/**
 * Return the last delay that this browser has measured, in seconds.
 *
 * @param {string} id
 * @param {string} type
 */
export function findDelay(id, type) {
  const kept = recall(`awazpulse.delay.${id}.${type}`);
  return kept === null ? null : Number(kept);
}
