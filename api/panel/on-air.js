// The card of what is on air: state, title, audience, sound, and what happened.

import { PlainElement, html, nothing } from "./lit.js";
import { formatNumber, t } from "./i18n.js";
import { ask } from "./api.js";
import { confirmAndDo } from "./confirm.js";
import { icon } from "./icons.js";
import { nameEncoder } from "./encoder.js";
import { describeAudio, stripPort } from "./words.js";
import { notify, notifyOf } from "./notices.js";
import "./listening.js";
import "./meter.js";
import "./ticking.js";

/** @typedef {import("./channel-state.js").ChannelState} ChannelState */

class OnAir extends PlainElement {
  static properties = {
    channel: { attribute: false },
    _isEditing: { state: true },
  };

  constructor() {
    super();
    /** @type {ChannelState} */
    this.channel = /** @type {any} */ (undefined);
    this._isEditing = false;
    /** What the form began with: what is typed must stay when new figures come. */
    this._draft = { artist: "", title: "" };
  }

  get _path() {
    return `/streams/channel/${encodeURIComponent(this.channel.id)}`;
  }

  async _edit() {
    const { title } = this.channel;
    this._draft = { artist: title?.artist ?? "", title: title?.track || title?.title || "" };
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
              <button class="danger quiet" @click=${this._stop}>${icon("stop")}${t("stop")}</button>
            </div>`
          : nothing
      }
    </section>`;
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
      text = describeWaiting(state);
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
            .value=${this._draft.artist}
          />
        </div>
        <div>
          <label for="title">${t("title.track")}</label>
          <input id="title" name="title" dir="auto" maxlength="255" .value=${this._draft.title} />
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
      <span><bdi data-test="title">${title?.track || title?.title || t("air.untitled")}</bdi></span>
      <button class="icon-only" aria-label=${t("title.edit")} @click=${this._edit}>
        ${icon("edit")}
      </button>
      ${title?.artist ? html`<span class="dim artist"><bdi>${title.artist}</bdi></span>` : nothing}
    </div>`;
  }
}
customElements.define("aw-on-air", OnAir);

/** @param {ChannelState} state */
function describeWaiting({ sound, channel }) {
  if (sound === "fallback") {
    return t("warning.fallback");
  }
  return t(channel.alwaysOn ? "warning.always-on" : "warning.waiting", { s: channel.graceTime });
}

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
