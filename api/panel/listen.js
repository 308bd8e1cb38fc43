// The listener's page of a station: plays what is on air, and comes back by itself.

import { PlainElement, html, nothing } from "./lit.js";
import { formatNumber, loadStrings, recall, remember, t } from "./i18n.js";
import { EventLine } from "./events.js";
import { RadioPlayer, makeReachable } from "./player.js";
import { copy } from "./clipboard.js";
import { icon } from "./icons.js";
import { renderChoices } from "./choices.js";
import { renderVolume } from "./listening.js";
import { drawQrCode } from "./qr-code.js";

const RETRY_MS = 5000;
const SETTLE_MS = 300;

/** @typedef {import("./events.js").ChannelEvent} ChannelEvent */
/**
 * @typedef {object} Station
 * @property {string} name
 * @property {boolean} isLive
 * @property {"hls" | "icecast"} streamType
 * @property {{ hls: string | null, icecast: string | null }} playbackUrls
 * @property {string | null} title
 * @property {string | null} artist
 * @property {string | null} track
 * @property {number | null} listeners
 */

class ListenPage extends PlainElement {
  static properties = {
    _station: { state: true },
    _isLost: { state: true },
    _problem: { state: true },
    _isCopied: { state: true },
    _showsCode: { state: true },
    _code: { state: true },
  };

  constructor() {
    super();
    const { channel = "", name = "", variant = "" } = document.body.dataset;
    this._id = channel;
    this._name = name;
    this._isEmbedded = variant === "embed";
    /** @type {Station | null} */
    this._station = null;
    this._isLost = false;
    this._problem = "";
    this._isCopied = false;
    this._showsCode = false;
    /** @type {unknown} */
    this._code = nothing;
    this._path = `/public/channels/${encodeURIComponent(channel)}`;
    this._player = new RadioPlayer();
    this._player.addEventListener("change", () => this._tellSystem());
    const volume = Number(recall("awazpulse.volume") ?? 1);
    this._player.setVolume(Number.isFinite(volume) ? Math.min(1, Math.max(0, volume)) : 1);
  }

  connectedCallback() {
    super.connectedCallback();
    this._line = new EventLine(`${this._path}/events`, {
      onEvent: (event) => this._apply(event),
      onHello: () => this._read(),
      onLost: (isLost) => (this._isLost = isLost),
    });
    this._read();
    navigator.mediaSession?.setActionHandler("play", () => this._player.play());
    navigator.mediaSession?.setActionHandler("pause", () => this._player.stop());
    navigator.mediaSession?.setActionHandler("stop", () => this._player.stop());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._line?.close();
    this._player.stop();
  }

  async _read() {
    try {
      const response = await fetch(this._path, { cache: "no-store" });
      if (!response.ok) {
        throw new Error(String(response.status));
      }
      this._take(await response.json());
      this._problem = "";
    } catch {
      this._problem = t("listen.unreachable");
      setTimeout(() => this._problem && this._read(), RETRY_MS);
    }
  }

  /** @param {Station} station */
  _take(station) {
    this._station = station;
    this._name = station.name;
    const { isLive, streamType, playbackUrls } = station;
    const url = playbackUrls[streamType] ?? playbackUrls.hls ?? playbackUrls.icecast;
    const type = url === playbackUrls.icecast ? "icecast" : "hls";
    this._player.setStream(isLive && url ? { type, url } : null);
    this._tellSystem();
  }

  /** @param {ChannelEvent} event */
  _apply({ type, data }) {
    const station = this._station;
    if (!station || type === "on_air" || type === "switched") {
      // Its addresses may be others. An answer of just before may be handed out for a moment.
      setTimeout(() => this._read(), SETTLE_MS);
    } else if (type === "off_air") {
      this._take({ ...station, isLive: false, title: null, artist: null, track: null });
    } else if (type === "title") {
      const { title = null, artist = null, track = null } = data;
      this._take({ ...station, title, artist, track });
    } else if (type === "listeners") {
      this._station = { ...station, listeners: data.total ?? null };
    }
  }

  /** Show on the phone's lock screen what plays. */
  _tellSystem() {
    this.requestUpdate();
    remember("awazpulse.volume", String(this._player.audio.muted ? 0 : this._player.audio.volume));
    const station = this._station;
    const title = station?.track || station?.title || this._name;
    document.title = station?.title ? `${station.title} · ${this._name}` : this._name;
    if (navigator.mediaSession) {
      navigator.mediaSession.metadata = new MediaMetadata({
        title,
        artist: station?.artist || this._name,
        album: this._name,
        artwork: [{ src: document.body.dataset.icon ?? "", sizes: "512x512", type: "image/png" }],
      });
      navigator.mediaSession.playbackState = this._player.isWanted ? "playing" : "paused";
    }
  }

  _turn() {
    if (this._player.isWanted) {
      this._player.stop();
    } else {
      this._player.play();
    }
  }

  /** @param {string} url */
  async _copy(url) {
    this._isCopied = await copy(url);
    setTimeout(() => (this._isCopied = false), 2500);
  }

  /** @param {string} url */
  async _turnCode(url) {
    this._showsCode = !this._showsCode;
    this._code = this._showsCode ? await drawQrCode(url, t("listen.qr")) : nothing;
  }

  render() {
    const station = this._station;
    return html`<main class="listen ${this._isEmbedded ? "embed" : ""}">
      <div class="station">
        <p class="state" role="status" data-live=${station ? station.isLive : nothing}>
          ${this._renderState()}
        </p>
        <h1 dir="auto">${this._name}</h1>
        <div class="now" aria-live="polite">
          <p class="track" dir="auto" data-test="title">
            ${station?.track || station?.title || " "}
          </p>
          <p class="dim" dir="auto">${station?.artist || " "}</p>
        </div>
        ${this._renderControls()}
      </div>
      ${this._isEmbedded ? nothing : this._renderMore()}
    </main>`;
  }

  _renderState() {
    if (this._problem || this._isLost) {
      return html`<span class="spinner"></span>${this._problem || t("reconnecting")}`;
    }
    if (!this._station) {
      return " ";
    }
    return this._station.isLive
      ? html`<span class="badge live"><i class="dot"></i>${t("state.on-air")}</span>`
      : html`<span class="badge">${t("state.off-air")}</span>`;
  }

  _renderControls() {
    const player = this._player;
    const isLive = this._station?.isLive ?? false;
    const isBusy = player.isWanted && player.state !== "playing";
    return html`<button
        class="play ${isBusy ? "busy" : ""}"
        aria-label=${t(player.isWanted ? "player.stop" : "player.listen")}
        ?disabled=${!isLive && !player.isWanted}
        data-state=${player.state}
        @click=${this._turn}
      >
        ${icon(player.isWanted ? "stop" : "play")}
      </button>
      <p class="dim small player-state">${this._describePlayer(isLive)}</p>
      ${renderVolume(player)}`;
  }

  /** @param {boolean} isLive */
  _describePlayer(isLive) {
    if (!this._station) {
      return " ";
    }
    if (!isLive) {
      return t(this._player.isWanted ? "listen.returns" : "listen.off-air");
    }
    const { listeners } = this._station;
    if (this._player.isWanted && this._player.state !== "playing") {
      return t(`player.${this._player.state}`);
    }
    return listeners === null ? " " : t("listen.listeners", { n: formatNumber(listeners) });
  }

  _renderMore() {
    const { hls, icecast } = this._station?.playbackUrls ?? {};
    const url = icecast ?? hls;
    return html`<footer>
      ${
        url
          ? html`<section class="apps" aria-labelledby="apps">
              <h2 id="apps">${t("listen.apps")}</h2>
              <p class="dim small">${t("listen.apps.hint")}</p>
              <div class="address">
                <code class="ltr" tabindex="0">${makeReachable(url)}</code>
                <button class="quiet" @click=${() => this._copy(makeReachable(url))}>
                  ${icon(this._isCopied ? "check" : "copy")}${t(this._isCopied ? "copied" : "copy")}
                </button>
                <button
                  class="quiet"
                  aria-expanded=${this._showsCode}
                  @click=${() => this._turnCode(makeReachable(url))}
                >
                  ${t("listen.qr.show")}
                </button>
              </div>
              ${this._code}
            </section>`
          : nothing
      }
      ${renderChoices()}
    </footer>`;
  }
}
customElements.define("aw-listen", ListenPage);

await loadStrings();
document.body.append(document.createElement("aw-listen"));
