// What a channel has played, and what has happened to it.

import { PlainElement, html, nothing } from "./lit.js";
import { formatMoment, t, tryText } from "./i18n.js";
import { nameEncoder } from "./encoder.js";
import { describeRefusal, stripPort } from "./words.js";

/** @typedef {import("./channel-state.js").ChannelState} ChannelState */
/** @typedef {import("./channel-state.js").Happening} Happening */

const SHOWN_HAPPENINGS = 8;

class History extends PlainElement {
  static properties = { channel: { attribute: false }, _showsAll: { state: true } };

  constructor() {
    super();
    /** @type {ChannelState} */
    this.channel = /** @type {any} */ (undefined);
    this._showsAll = false;
  }

  render() {
    return html`${this._renderPlayed(this.channel)} ${this._renderHappenings(this.channel)}`;
  }

  /** @param {ChannelState} state */
  _renderPlayed({ played }) {
    return html`<section class="card" aria-labelledby="played">
      <h2 id="played">${t("played.title")}</h2>
      ${
        played.length
          ? html`<ol class="lines">
              ${played.map(
                ({ title, artist, track, startedAt }) =>
                  html`<li>
                    <time datetime=${startedAt}>${formatMoment(startedAt)}</time>
                    <span
                      ><bdi>${track || title}</bdi>${
                        artist ? html` <bdi class="dim">${artist}</bdi>` : nothing
                      }</span
                    >
                  </li>`,
              )}
            </ol>`
          : html`<p class="dim">${t("played.none")}</p>`
      }
    </section>`;
  }

  /** @param {ChannelState} state */
  _renderHappenings({ happenings }) {
    const shown = this._showsAll ? happenings : happenings.slice(0, SHOWN_HAPPENINGS);
    return html`<section class="card" aria-labelledby="happenings">
      <h2 id="happenings">${t("happenings.title")}</h2>
      ${
        shown.length
          ? html`<ol class="lines">
              ${shown.map(renderHappening)}
            </ol>`
          : html`<p class="dim">${t("happenings.none")}</p>`
      }
      ${
        happenings.length > SHOWN_HAPPENINGS
          ? html`<button class="link" @click=${() => (this._showsAll = !this._showsAll)}>
              ${t(this._showsAll ? "less" : "more")}
            </button>`
          : nothing
      }
    </section>`;
  }
}
customElements.define("aw-history", History);

/** @param {Happening} happening */
function renderHappening({ type, streamType, time, count, data }) {
  const isBad = ["login_refused", "encoders_fight", "dead_air_began", "source_lost"].includes(type);
  return html`<li class=${isBad ? "bad" : ""}>
    <time datetime=${time}>${formatMoment(time)}</time>
    <span>
      ${describeHappening(type, streamType, data)}
      ${count > 1 ? html`<span class="dim">${t("happenings.times", { n: count })}</span>` : nothing}
    </span>
  </li>`;
}

/**
 * @param {string} type
 * @param {string} streamType
 * @param {Record<string, any>} data
 */
function describeHappening(type, streamType, data) {
  const values = {
    type: t(streamType === "hls" ? "type.hls" : "type.icecast"),
    encoder: nameEncoder(data.encoder ?? data.userAgent ?? ""),
    address: stripPort(String(data.address ?? "")),
  };
  const text = tryText(`event.${type}`, type, values);
  if (type === "login_refused") {
    return `${text}: ${describeRefusal(data.reason, streamType, data.detail)}`;
  }
  const why = data.reason ? tryText(`end.${data.reason}`, String(data.detail ?? "")) : "";
  return why ? `${text}: ${why}` : text;
}
