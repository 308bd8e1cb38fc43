// The channels at a glance.

import { PlainElement, html, nothing, repeat } from "./lit.js";
import { t } from "./i18n.js";
import { ask, get, whoAmI } from "./api.js";
import { EventLine } from "./events.js";
import { icon } from "./icons.js";
import { notifyOf } from "./notices.js";
import "./ticking.js";

const PAGE = 60;
const AT_ONCE = 4; // requests under way

/** @typedef {import("./events.js").ChannelEvent} ChannelEvent */
/**
 * @typedef {object} Glance
 * @property {string} id
 * @property {string} name
 * @property {string} ownerId
 * @property {boolean} isActive
 * @property {string | null} archivedAt
 * @property {boolean} [isLive]
 * @property {string} [streamType]
 * @property {string} [title]
 * @property {number} [listeners]
 * @property {number | null} [onAirSince]
 */

class Channels extends PlainElement {
  static properties = {
    user: { attribute: false },
    _channels: { state: true },
    _next: { state: true },
    _isMaking: { state: true },
    _problem: { state: true },
    _showsArchived: { state: true },
  };

  constructor() {
    super();
    /** @type {import("./api.js").User | undefined} */
    this.user = undefined;
    /** @type {Glance[] | null} */
    this._channels = null;
    /** @type {string | null} */
    this._next = null;
    this._isMaking = false;
    this._problem = "";
    this._showsArchived = false;
    /** @type {EventLine | undefined} */
    this._line = undefined;
    /** @type {Map<string, string>} */
    this._owners = new Map();
  }

  connectedCallback() {
    super.connectedCallback();
    document.title = "AwazPulse";
    this._line = new EventLine("/events", {
      onEvent: (event) => this._apply(event),
      onHello: () => this._load(),
      onLost: (isLost) => this._tellLost(isLost),
      beforeRetry: whoAmI,
    });
    this._load();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._line?.close();
    this._tellLost(false);
  }

  /** @param {boolean} isLost */
  _tellLost(isLost) {
    this.dispatchEvent(new CustomEvent("line-lost", { detail: isLost, bubbles: true }));
  }

  async _load() {
    try {
      if (this.user?.role === "admin" && !this._owners.size) {
        const users = await get("/users?limit=500");
        this._owners = new Map(users.items.map((/** @type {any} */ user) => [user.id, user.email]));
      }
      const page = await this._readPage("");
      this._channels = page;
      await this._look(page);
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {string} after */
  async _readPage(after) {
    const query = `limit=${PAGE}&after=${encodeURIComponent(after)}&archived=${this._showsArchived}`;
    const page = await get(`/channels?${query}`);
    this._next = page.next;
    this._problem = "";
    const known = new Map(this._channels?.map((channel) => [channel.id, channel]));
    return page.items.map((/** @type {Glance} */ item) => ({ ...known.get(item.id), ...item }));
  }

  async _loadMore() {
    try {
      const page = await this._readPage(this._next ?? "");
      this._channels = [...(this._channels ?? []), ...page];
      await this._look(page);
    } catch (error) {
      notifyOf(error);
    }
  }

  /**
   * Read what is on air, of some channels at a time.
   *
   * @param {Glance[]} page
   */
  async _look(page) {
    const waiting = page.filter((channel) => !channel.archivedAt).map(({ id }) => id);
    const next = async () => {
      for (let id = waiting.shift(); id; id = waiting.shift()) {
        const path = `/streams/channel/${encodeURIComponent(id)}`;
        const [active, diagnosis, listeners] = await Promise.all([
          get(`${path}/active-type`),
          get(`${path}/diagnosis`),
          get(`${path}/listeners`),
        ]);
        const since = diagnosis.onAirSeconds;
        this._change(id, {
          isLive: active.isLive,
          streamType: active.selectedType,
          title: [active.currentArtist, active.currentTrack].filter(Boolean).join(" - "),
          listeners: listeners.listeners,
          onAirSince: since === null ? null : Date.now() - since * 1000,
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  /** @param {ChannelEvent} event */
  _apply({ type, channelId, streamType, time, data }) {
    switch (type) {
      case "on_air":
        return this._change(channelId, { isLive: true, onAirSince: Date.parse(time) });
      case "off_air":
        return this._change(channelId, {
          isLive: false,
          onAirSince: null,
          title: "",
          listeners: 0,
        });
      case "switched":
        return this._change(channelId, { streamType });
      case "title":
        return this._change(channelId, { title: data.title });
      case "listeners":
        return this._change(channelId, { listeners: data.total });
      default:
        return undefined;
    }
  }

  /**
   * @param {string} id
   * @param {Partial<Glance>} facts
   */
  _change(id, facts) {
    this._channels =
      this._channels?.map((channel) => (channel.id === id ? { ...channel, ...facts } : channel)) ??
      null;
  }

  /** @param {SubmitEvent} event */
  async _make(event) {
    event.preventDefault();
    const form = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)));
    const body = Object.fromEntries(Object.entries(form).filter(([, value]) => value !== ""));
    try {
      const made = await ask("POST", "/channels", body);
      location.hash = `#/channel/${encodeURIComponent(made.id)}`;
    } catch (error) {
      notifyOf(error);
    }
  }

  /** @param {string} id */
  async _restore(id) {
    try {
      await ask("POST", `/channels/${encodeURIComponent(id)}/restore`);
      this._showsArchived = false;
      await this._load();
    } catch (error) {
      notifyOf(error);
    }
  }

  _turnArchived() {
    this._showsArchived = !this._showsArchived;
    this._channels = null;
    this._load();
  }

  render() {
    const title = this.user?.role === "admin" ? t("channels.all") : t("channels.title");
    return html`
      <div class="title-row">
        <h1>${this._showsArchived ? t("channels.archived") : title}</h1>
        <button class="quiet" @click=${this._turnArchived}>
          ${this._showsArchived ? t("channels.present") : t("channels.archived")}
        </button>
        <button
          class="primary"
          aria-expanded=${this._isMaking}
          @click=${() => (this._isMaking = !this._isMaking)}
        >
          ${icon("add")}${t("channels.new")}
        </button>
      </div>
      ${this._isMaking ? this._renderForm() : nothing}
      ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
      ${this._renderList()}
    `;
  }

  _renderForm() {
    return html`<form class="card form" @submit=${this._make}>
      <h2>${t("channels.new")}</h2>
      <label for="new-name">${t("setting.name")}</label>
      <input id="new-name" name="name" required maxlength="255" aria-describedby="new-name-hint" />
      <p class="hint" id="new-name-hint">${t("setting.name.hint")}</p>
      <label for="new-id">${t("channels.id")}</label>
      <input
        id="new-id"
        name="id"
        class="ltr"
        maxlength="36"
        pattern="[A-Za-z0-9_\\-]+"
        aria-describedby="new-id-hint"
      />
      <p class="hint" id="new-id-hint">${t("channels.id.hint")}</p>
      ${
        this.user?.role === "admin"
          ? html`<label for="new-owner">${t("channels.owner")}</label>
              <select id="new-owner" name="ownerId">
                ${[...this._owners].map(
                  ([id, email]) =>
                    html`<option value=${id} ?selected=${id === this.user?.id}>${email}</option>`,
                )}
              </select>`
          : nothing
      }
      <div class="actions">
        <button type="button" class="quiet" @click=${() => (this._isMaking = false)}>
          ${t("cancel")}
        </button>
        <button class="primary">${t("channels.make")}</button>
      </div>
    </form>`;
  }

  _renderList() {
    if (!this._channels) {
      return html`<div class="glances" aria-busy="true">
        <div class="glance skeleton"></div>
      </div>`;
    }
    if (!this._channels.length) {
      return html`<div class="card empty">
        ${icon("wave")}
        <h2>${t(this._showsArchived ? "channels.none-archived" : "channels.none")}</h2>
        <p>${this._showsArchived ? nothing : t("channels.none.hint")}</p>
      </div>`;
    }
    return html`<ul class="glances">
        ${repeat(
          this._channels,
          ({ id }) => id,
          (channel) => html`<li>${this._renderGlance(channel)}</li>`,
        )}
      </ul>
      ${
        this._next
          ? html`<button class="quiet wide" @click=${this._loadMore}>${t("more")}</button>`
          : nothing
      }`;
  }

  /** @param {Glance} channel */
  _renderGlance(channel) {
    const { id, name, isLive, streamType, title, listeners, onAirSince, archivedAt } = channel;
    const owner = this._owners.get(channel.ownerId);
    const head = html`<span class="glance-head">
        <span class="name"><bdi>${name}</bdi></span>
        ${isLive === undefined && !archivedAt ? nothing : renderBadge(channel)}
      </span>
      <span class="dim small">
        <span class="ltr">${id}</span>
        ${streamType ? html`· ${t(streamType === "hls" ? "type.hls" : "type.icecast")}` : nothing}
        ${owner ? html`· <span class="ltr">${owner}</span>` : nothing}
      </span>`;
    if (archivedAt) {
      return html`<div class="glance">
        ${head}
        <button class="quiet" @click=${() => this._restore(id)}>${t("channels.restore")}</button>
      </div>`;
    }
    return html`<a
      class="glance ${isLive ? "live" : ""}"
      href="#/channel/${encodeURIComponent(id)}"
    >
      ${head}
      <span class="glance-title"
        ><bdi>${isLive ? title || t("air.untitled") : t("air.nothing")}</bdi></span
      >
      <span class="glance-facts">
        <span>${icon("listeners")}${t("listeners.n", { n: listeners ?? 0 })}</span>
        ${onAirSince ? html`<aw-ticking .since=${onAirSince}></aw-ticking>` : nothing}
      </span>
    </a>`;
  }
}
customElements.define("aw-channels", Channels);

/** @param {Glance} channel */
function renderBadge({ isLive, isActive, archivedAt }) {
  if (archivedAt) {
    return html`<span class="badge">${t("state.archived")}</span>`;
  }
  if (!isActive) {
    return html`<span class="badge">${t("state.disabled")}</span>`;
  }
  return isLive
    ? html`<span class="badge live"><i class="dot"></i>${t("state.on-air")}</span>`
    : html`<span class="badge">${t("state.off-air")}</span>`;
}
