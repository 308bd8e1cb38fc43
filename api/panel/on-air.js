// The card of what is on air: state, title, audience, sound, and what happened.

import { PlainElement, html, live, nothing } from "./lit.js";
import { formatMoment, formatNumber, t, tryText } from "./i18n.js";
import { ask } from "./api.js";
import { confirmAndDo } from "./confirm.js";
import { icon } from "./icons.js";
import { nameEncoder } from "./encoder.js";
import { notify, notifyOf } from "./notices.js";
import "./listening.js";
import "./meter.js";
import "./ticking.js";

/** @typedef {import("./channel-state.js").ChannelState} ChannelState */
/** @typedef {import("./channel-state.js").Happening} Happening */

const SHOWN_HAPPENINGS = 8;

class OnAir extends PlainElement {
  static properties = {
    channel: { attribute: false },
    _isEditing: { state: true },
    _showsAll: { state: true },
  };

  constructor() {
    super();
    /** @type {ChannelState} */
    this.channel = /** @type {any} */ (undefined);
    this._isEditing = false;
    this._showsAll = false;
  }

  get _path() {
    return `/streams/channel/${encodeURIComponent(this.channel.id)}`;
  }

  async _edit() {
    this._isEditing = true;
    await this.updateComplete;
    /** @type {HTMLInputElement | null} */ (this.querySelector("#title"))?.select();
  }

  /** @param {SubmitEvent} event */
  async _saveTitle(event) {
    event.preventDefault();
    const form = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)));
    try {
      await ask("PUT", `${this._path}/metadata`, form);
      this._isEditing = false;
      notify(t("title.saved"));
    } catch (error) {
      notifyOf(error);
    }
  }

  _stop() {
    confirmAndDo({
      title: t("stop.title"),
      text: t(this.channel.channel.alwaysOn ? "stop.always-on" : "stop.text"),
      yes: t("stop.yes"),
      act: () => ask("POST", `${this._path}/stop`),
    });
  }

  render() {
    const state = this.channel;
    return html`<section class="card on-air ${state.isLive ? "live" : ""}" aria-labelledby="on-air">
        <div class="card-head">
          <h2 id="on-air">${t("air.title")}</h2>
          ${this._renderState(state)}
        </div>
        ${this._renderWarning(state)} ${this._renderTitle(state)}
        <div class="figures">
          <div>
            <span class="figure" data-test="listeners">${formatNumber(state.listeners.total)}</span>
            <span class="dim">${t("listeners.now", { n: state.listeners.total })}</span>
          </div>
          <div>
            <span class="figure"
              >${
                state.onAirSince === null
                  ? "–"
                  : html`<aw-ticking .since=${state.onAirSince}></aw-ticking>`
              }</span
            >
            <span class="dim">${t("air.elapsed")}</span>
          </div>
          <div>
            <span class="figure">${state.audio?.bitrateKbps ?? "–"}</span>
            <span class="dim">${t("air.kbps")}</span>
          </div>
        </div>
        <aw-meter .levels=${state.isLive ? state.levels : null} .isLive=${state.isLive}></aw-meter>
        <aw-listening .channel=${state}></aw-listening>
        ${renderSource(state)}
        ${
          state.isLive
            ? html`<div class="actions start">
                <button class="danger quiet" @click=${this._stop}>
                  ${icon("stop")}${t("stop")}
                </button>
              </div>`
            : nothing
        }
      </section>
      ${this._renderPlayed(state)} ${this._renderHappenings(state)}`;
  }

  /** @param {ChannelState} state */
  _renderState(state) {
    if (!state.isLive) {
      return html`<span class="badge" role="status">${t("state.off-air")}</span>`;
    }
    if (!state.isWaiting) {
      return html`<span class="badge live" role="status"
        ><i class="dot"></i>${t("state.on-air")}</span
      >`;
    }
    const key = state.sound === "fallback" ? "state.fallback" : "state.waiting";
    return html`<span class="badge warn" role="status"><i class="dot"></i>${t(key)}</span>`;
  }

  /** @param {ChannelState} state */
  _renderWarning(state) {
    let text = "";
    if (!state.channel.isActive) {
      text = t("warning.disabled");
    } else if (state.isDeadAir) {
      text = t("warning.dead-air");
    } else if (state.isLive && state.isWaiting) {
      text = t(state.sound === "fallback" ? "warning.fallback" : "warning.waiting", {
        s: state.channel.graceTime,
      });
    }
    return text
      ? html`<p class="warning" role="alert">${icon("warning")}<span>${text}</span></p>`
      : nothing;
  }

  /** @param {ChannelState} state */
  _renderTitle(state) {
    const { title, isLive } = state;
    if (!isLive) {
      return html`<p class="now-title dim">${t("air.nothing")}</p>
        <p class="dim">${t("air.nothing.hint")}</p>`;
    }
    if (this._isEditing) {
      return html`<form class="title-form" @submit=${this._saveTitle}>
        <div>
          <label for="artist">${t("title.artist")}</label>
          <input
            id="artist"
            name="artist"
            dir="auto"
            maxlength="255"
            .value=${live(title?.artist ?? "")}
          />
        </div>
        <div>
          <label for="title">${t("title.track")}</label>
          <input
            id="title"
            name="title"
            dir="auto"
            maxlength="255"
            .value=${title?.track || title?.title || ""}
          />
        </div>
        <div class="actions">
          <button type="button" class="quiet" @click=${() => (this._isEditing = false)}>
            ${t("cancel")}
          </button>
          <button class="primary">${t("title.save")}</button>
        </div>
      </form>`;
    }
    return html`<div class="now-title">
      <span dir="auto" data-test="title">${title?.track || title?.title || t("air.untitled")}</span>
      <button class="icon-only" aria-label=${t("title.edit")} @click=${this._edit}>
        ${icon("edit")}
      </button>
      ${title?.artist ? html`<span class="dim artist" dir="auto">${title.artist}</span>` : nothing}
    </div>`;
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
customElements.define("aw-on-air", OnAir);

/** @param {ChannelState} state */
function renderSource({ source, audio, quality, isLive }) {
  if (!isLive || (!source && !audio)) {
    return nothing;
  }
  const rows = [
    source && [
      t("source.encoder"),
      `${nameEncoder(source.encoder)} · ${stripPort(source.address)}`,
    ],
    audio?.codec && [t("source.audio"), describeAudio(audio)],
    quality && [t("source.quality"), describeQuality(quality)],
  ];
  return html`<dl class="facts">
    ${rows.map((row) =>
      row
        ? html`<div>
            <dt>${row[0]}</dt>
            <dd><bdi>${row[1]}</bdi></dd>
          </div>`
        : nothing,
    )}
  </dl>`;
}

/** @param {string} address */
function stripPort(address) {
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

/** @param {import("./channel-state.js").Quality} quality */
function describeQuality({ gaps, longestGapSeconds, clockPercent }) {
  if (gaps) {
    const longest = formatNumber(longestGapSeconds, { maximumFractionDigits: 1 });
    return t("quality.gaps", { n: gaps, longest });
  }
  if (clockPercent !== null && Math.abs(clockPercent) >= 1) {
    return t("quality.clock", {
      percent: formatNumber(clockPercent, { maximumFractionDigits: 1 }),
    });
  }
  return t("quality.good");
}

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
