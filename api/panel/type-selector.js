// The choice between HLS and Icecast.

import { PlainElement, html, nothing } from "./lit.js";
import { formatNumber, t } from "./i18n.js";
import { ask } from "./api.js";
import { confirmAndDo } from "./confirm.js";
import { icon } from "./icons.js";
import { findDelay } from "./listening.js";
import { notify } from "./notices.js";
import { usualEncoder } from "./encoder.js";

/** @typedef {import("./channel-state.js").ChannelState} ChannelState */
/** @typedef {import("./channel-state.js").StreamType} StreamType */

const TYPES = /** @type {const} */ (["hls", "icecast"]);

class TypeSelector extends PlainElement {
  static properties = {
    channel: { attribute: false },
    _switchingTo: { state: true },
    _problem: { state: true },
  };

  constructor() {
    super();
    /** @type {ChannelState} */
    this.channel = /** @type {any} */ (undefined);
    /** @type {StreamType | null} */
    this._switchingTo = null;
    this._problem = "";
    this._show = () => this.requestUpdate();
  }

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("delay-measured", this._show);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("delay-measured", this._show);
  }

  /** @param {StreamType} type */
  async _choose(type) {
    const { channel } = this;
    if (type === channel.selectedType || this._switchingTo) {
      return;
    }
    this._problem = "";
    if (!channel.isLive) {
      try {
        await this._switch(type);
      } catch (error) {
        this._problem = error instanceof Error ? error.message : String(error);
      }
      return;
    }
    const key = channel.channel.simulcast ? "switch.live-simulcast" : "switch.live";
    await confirmAndDo({
      title: t("switch.title", { type: t(`type.${type}`) }),
      text: t(key, { n: channel.listeners.total, encoder: usualEncoder(type) }),
      yes: t("switch.yes"),
      doing: t("switch.doing"),
      act: () => this._switch(type),
    });
  }

  /** @param {StreamType} type */
  async _switch(type) {
    this._switchingTo = type;
    try {
      const path = `/streams/channel/${encodeURIComponent(this.channel.id)}/switch-type`;
      await ask("POST", path, { streamType: type });
      this.dispatchEvent(new CustomEvent("type-switched", { detail: type, bubbles: true }));
      notify(t("switch.done", { type: t(`type.${type}`), encoder: usualEncoder(type) }));
    } finally {
      this._switchingTo = null;
    }
  }

  render() {
    return html`<section
      class="card"
      aria-labelledby="type-title"
      aria-busy=${Boolean(this._switchingTo)}
    >
      <h2 id="type-title">${t("type.title")}</h2>
      <div class="types" role="radiogroup" aria-labelledby="type-title" @keydown=${this._move}>
        ${TYPES.map((type) => this._renderType(type))}
      </div>
      ${
        this._problem
          ? html`<p class="problem" role="alert">${t("switch.failed", { why: this._problem })}</p>`
          : nothing
      }
    </section>`;
  }

  /** @param {KeyboardEvent} event */
  _move(event) {
    if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) {
      event.preventDefault();
      const options = [...this.querySelectorAll("button")];
      const at = options.findIndex((option) => option === document.activeElement);
      options[1 - at]?.focus(); // chosen by Enter or the space bar: moving alone cuts nobody off
    }
  }

  /** @param {StreamType} type */
  _renderType(type) {
    const isSelected = this.channel.selectedType === type;
    const delayS = findDelay(this.channel.id, type);
    return html`<button
      class="type"
      role="radio"
      aria-checked=${isSelected}
      ?disabled=${this._switchingTo !== null}
      @click=${() => this._choose(type)}
    >
      <span class="type-name">
        ${t(`type.${type}`)}
        ${isSelected ? html`<span class="badge chosen">${icon("check")}${t("type.chosen")}</span>` : nothing}
        ${this._switchingTo === type ? html`<span class="spinner"></span>` : nothing}
      </span>
      <span>${t(`type.${type}.for`)}</span>
      <span class="dim small"
        >${
          delayS === null
            ? t("type.delay.unknown")
            : t("type.delay", { s: formatNumber(delayS, { maximumFractionDigits: 1 }) })
        }</span
      >
    </button>`;
  }
}
customElements.define("aw-type-selector", TypeSelector);
