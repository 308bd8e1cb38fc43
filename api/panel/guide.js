// How to set the encoder up, step by step with this channel's values, and whether it has worked.

import { PlainElement, html, nothing } from "./lit.js";
import { t } from "./i18n.js";
import { findRefusal } from "./channel-state.js";
import { icon } from "./icons.js";
import { nameEncoder, usualEncoder } from "./encoder.js";
import { describeAudio, describeRefusal } from "./words.js";

/** @typedef {import("./channel-state.js").ChannelState} ChannelState */

class Guide extends PlainElement {
  static properties = { channel: { attribute: false }, isOwner: { attribute: false } };

  constructor() {
    super();
    /** @type {ChannelState} */
    this.channel = /** @type {any} */ (undefined);
    this.isOwner = false;
  }

  render() {
    const type = this.channel.selectedType;
    return html`<section class="card guide" aria-labelledby="guide" data-type=${type}>
      <h2 id="guide">${t("guide.title", { encoder: usualEncoder(type) })}</h2>
      <ol class="steps">
        ${type === "hls" ? this._renderObs() : this._renderButt()}
      </ol>
      ${this._renderCheck()}
    </section>`;
  }

  _renderObs() {
    const hls = this.channel.addresses?.hls;
    return html`<li>${t("guide.obs.open")}</li>
      <li>${t("guide.obs.service")}</li>
      <li>${t("guide.obs.server")} ${value(hls?.rtmpUrl)}</li>
      <li>${t("guide.obs.key")}</li>
      <li>${t("guide.obs.audio")}</li>
      <li>${t("guide.obs.start")}</li>`;
  }

  _renderButt() {
    const icecast = this.channel.addresses?.icecast;
    return html`<li>${t("guide.butt.open")}</li>
      <li>${t("guide.butt.type")}</li>
      <li>${t("guide.butt.server")} ${value(icecast?.server)} ${value(icecast?.port)}</li>
      <li>${t("guide.butt.password")}</li>
      <li>${t("guide.butt.mount")} ${value(icecast?.mountPoint)} ${value(icecast?.username)}</li>
      <li>${t("guide.butt.codec")}</li>
      <li>${t("guide.butt.start")}</li>`;
  }

  _renderCheck() {
    const { source, audio, selectedType, channel } = this.channel;
    const refusal = findRefusal(this.channel);
    if (source) {
      const encoder = nameEncoder(source.encoder);
      return html`<p class="check good" role="status" data-check="connected">
        ${icon("check")}<span
          >${t("check.connected", { encoder })}${
            audio?.codec ? html` <bdi>${describeAudio(audio)}</bdi>` : nothing
          }</span
        >
      </p>`;
    }
    if (refusal) {
      const { reason, detail } = refusal.data;
      return html`<p class="check bad" role="status" data-check="refused" data-reason=${reason}>
        ${icon("warning")}<span
          ><strong>${t("check.refused")}</strong> ${describeRefusal(
            reason,
            refusal.streamType,
            detail,
          )}</span
        >
      </p>`;
    }
    return html`<p class="check" role="status" data-check="waiting">
      ${channel.isActive ? html`<i class="pulse" aria-hidden="true"></i>` : icon("warning")}
      <span
        >${t(channel.isActive ? "check.waiting" : "warning.disabled", { encoder: usualEncoder(selectedType) })}</span
      >
    </p>`;
  }
}
customElements.define("aw-guide", Guide);

/** @param {string | number | undefined} text */
function value(text) {
  return text === undefined ? nothing : html`<code class="ltr">${text}</code>`;
}
