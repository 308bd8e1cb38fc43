// What to type into the encoder. The secret comes from the server only when it is asked for.

import { PlainElement, html, nothing } from "./lit.js";
import { t } from "./i18n.js";
import { ask, get } from "./api.js";
import { copy } from "./clipboard.js";
import { confirmAndDo } from "./confirm.js";
import { icon } from "./icons.js";
import { notify, notifyOf } from "./notices.js";
import { makeReachable } from "./player.js";

/** @typedef {import("./channel-state.js").ChannelState} ChannelState */

const MASK = "••••••••••••";
const COPIED_MS = 2500;
const SECRET_NAMES = { hls: "streamKey", icecast: "password" };

class Credentials extends PlainElement {
  static properties = {
    channel: { attribute: false },
    isOwner: { attribute: false },
    _secret: { state: true },
    _copied: { state: true },
  };

  constructor() {
    super();
    /** @type {ChannelState} */
    this.channel = /** @type {any} */ (undefined);
    this.isOwner = false;
    /** @type {string | null} shown, and only while it is */
    this._secret = null;
    this._copied = "";
    this._shownFor = "";
  }

  willUpdate() {
    const shownFor = `${this.channel.id} ${this.channel.selectedType} ${this.channel.switches}`;
    if (shownFor !== this._shownFor) {
      this._shownFor = shownFor;
      this._secret = null; // of the type before
      this._copied = "";
    }
  }

  get _path() {
    return `/streams/channel/${encodeURIComponent(this.channel.id)}/credentials`;
  }

  async _fetchSecret() {
    const type = this.channel.selectedType;
    const credentials = await get(`${this._path}?streamType=${type}`);
    return String(credentials[SECRET_NAMES[type]]);
  }

  async _turnShown() {
    if (this._secret !== null) {
      this._secret = null;
      return;
    }
    const shownFor = this._shownFor;
    try {
      const secret = await this._fetchSecret();
      if (shownFor === this._shownFor) {
        this._secret = secret;
      }
    } catch (error) {
      notifyOf(error);
    }
  }

  /**
   * @param {string} name
   * @param {string | Promise<string>} text
   */
  async _copy(name, text) {
    try {
      if (!(await copy(text))) {
        throw new Error(t("copy.failed"));
      }
      this._copied = name;
      setTimeout(() => this._copied === name && (this._copied = ""), COPIED_MS);
    } catch (error) {
      notifyOf(error);
    }
  }

  _rotate() {
    const type = this.channel.selectedType;
    confirmAndDo({
      title: t(`rotate.title.${type}`),
      text: t("rotate.text"),
      yes: t("rotate.yes"),
      act: async () => {
        const made = await ask("POST", `${this._path}/rotate`, { streamType: type });
        if (this._secret !== null) {
          this._secret = String(made[SECRET_NAMES[type]]);
        }
        notify(t("rotate.done"));
      },
    });
  }

  render() {
    const { channel, isOwner } = this;
    const type = channel.selectedType;
    const addresses = channel.addresses;
    return html`<section class="card credentials" aria-labelledby="credentials" data-type=${type}>
      <div class="card-head">
        <h2 id="credentials">${t(`credentials.title.${type}`)}</h2>
        ${
          isOwner
            ? html`<button class="quiet" @click=${this._rotate}>
                ${icon("renew")}${t("rotate")}
              </button>`
            : nothing
        }
      </div>
      ${
        addresses
          ? html`<dl class="credentials-list">
              ${type === "hls" ? this._renderHls(addresses.hls) : this._renderIcecast(addresses.icecast)}
            </dl>`
          : html`<p class="problem">${t("credentials.unreadable")}</p>`
      }
      ${isOwner ? nothing : html`<p class="dim">${t("credentials.owner-only")}</p>`}
      ${
        isUnreachable(addresses?.icecast.server ?? "")
          ? html`<p class="warning">
              ${icon("warning")}<span>${t("credentials.localhost")}</span>
            </p>`
          : nothing
      }
      <div class="visually-hidden" role="status">${this._copied ? t("copied") : ""}</div>
    </section>`;
  }

  /** @param {NonNullable<ChannelState["addresses"]>["hls"]} hls */
  _renderHls(hls) {
    return html`${this._renderRow("rtmpUrl", t("field.rtmp-url"), hls.rtmpUrl)}
    ${this._renderSecret("streamKey", t("field.stream-key"))}
    ${this._renderRow("playbackUrl", t("field.playback-url"), makeReachable(hls.playbackUrl))}`;
  }

  /** @param {NonNullable<ChannelState["addresses"]>["icecast"]} icecast */
  _renderIcecast(icecast) {
    return html`${this._renderRow("server", t("field.server"), icecast.server)}
    ${this._renderRow("port", t("field.port"), String(icecast.port))}
    ${this._renderRow("mountPoint", t("field.mount"), icecast.mountPoint)}
    ${this._renderRow("username", t("field.user"), icecast.username)}
    ${this._renderSecret("password", t("field.password"))}
    ${this._renderRow("playbackUrl", t("field.playback-url"), makeReachable(icecast.playbackUrl))}`;
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {string} value
   */
  _renderRow(name, label, value) {
    return html`<div class="credential" data-field=${name}>
      <dt>${label}</dt>
      <dd>
        <code class="ltr">${value}</code>
        ${this._renderCopy(name, label, () => value)}
      </dd>
    </div>`;
  }

  /**
   * @param {string} name
   * @param {string} label
   */
  _renderSecret(name, label) {
    const isShown = this._secret !== null;
    return html`<div class="credential" data-field=${name}>
      <dt>${label}</dt>
      <dd>
        <code class="ltr ${isShown ? "" : "masked"}">
          ${
            isShown
              ? this._secret
              : html`<span aria-hidden="true">${MASK}</span
                  ><span class="visually-hidden">${t("secret.hidden")}</span>`
          }
        </code>
        ${
          this.isOwner
            ? html`<button
                  class="icon-only"
                  aria-label=${t(isShown ? "secret.hide" : "secret.show", { what: label })}
                  @click=${this._turnShown}
                >
                  ${icon(isShown ? "hidden" : "eye")}
                </button>
                ${this._renderCopy(name, label, () => this._secret ?? this._fetchSecret())}`
            : nothing
        }
      </dd>
    </div>`;
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {() => string | Promise<string>} find
   */
  _renderCopy(name, label, find) {
    const isCopied = this._copied === name;
    return html`<button
      class="icon-only ${isCopied ? "good" : ""}"
      aria-label=${t("copy.what", { what: label })}
      title=${isCopied ? t("copied") : t("copy")}
      @click=${() => this._copy(name, find())}
    >
      ${icon(isCopied ? "check" : "copy")}
    </button>`;
  }
}
customElements.define("aw-credentials", Credentials);

/**
 * Whether the server gives out a name by which only its own machine finds it, to a page from elsewhere.
 *
 * @param {string} host
 */
export function isUnreachable(host) {
  return host === "localhost" && !["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
}
