// One channel: what is on air, the way on air, who listens, and its settings.

import { PlainElement, html, nothing } from "./lit.js";
import { t } from "./i18n.js";
import { ApiError, get, whoAmI } from "./api.js";
import { EventLine } from "./events.js";
import { applyEvent, makeState } from "./channel-state.js";
import { icon } from "./icons.js";
import "./history.js";
import "./on-air.js";
import "./type-selector.js";
import "./credentials.js";
import "./guide.js";

const AGAIN_MS = 2000; // until what could not be read is asked for again
const HELLO_MS = 800; // how long the first reading waits for the line, so that it need not be done twice
const HISTORY_DAYS = 7;
const PARTS = /** @type {const} */ (["", "audience", "settings"]);

// What is not needed at first is loaded when it is.
const LATER = /** @type {Record<string, () => Promise<unknown>>} */ ({
  audience: () => import("./audience.js"),
  settings: () => import("./settings.js"),
});

/** @typedef {import("./events.js").ChannelEvent} ChannelEvent */
/** @typedef {import("./channel-state.js").ChannelState} ChannelState */
/** @typedef {ChannelState["selectedType"]} StreamType */

class ChannelPage extends PlainElement {
  static properties = {
    user: { attribute: false },
    channelId: { attribute: false },
    tab: { attribute: false },
    _state: { state: true },
    _problem: { state: true },
  };

  constructor() {
    super();
    /** @type {import("./api.js").User | undefined} */
    this.user = undefined;
    this.channelId = "";
    this.tab = "";
    /** @type {ChannelState | null} */
    this._state = null;
    this._problem = "";
    /** @type {EventLine | undefined} */
    this._line = undefined;
    /** @type {ChannelEvent[] | null} events that came while the state was read */
    this._early = null;
    this._reading = 0;
    /** @type {number | undefined} */
    this._helloTimer = undefined;
    /** @type {number | undefined} */
    this._againTimer = undefined;
    this._lost = { line: false, reading: false };
  }

  /** @param {Map<PropertyKey, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("channelId")) {
      this._watch();
    }
    if (changed.has("tab")) {
      LATER[this.tab]?.().then(() => this.requestUpdate());
    }
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._line?.close();
    clearTimeout(this._helloTimer);
    clearTimeout(this._againTimer);
    this._reading++; // an answer that is under way is for nobody
    this._tellLost({ line: false, reading: false });
  }

  _watch() {
    this._line?.close();
    this._state = null;
    const query = `channel=${encodeURIComponent(this.channelId)}&levels=true`;
    this._line = new EventLine(`/events?${query}`, {
      onEvent: (event) => this._apply(event),
      onHello: () => this._read(),
      onLost: (isLost) => this._tellLost({ line: isLost }),
      beforeRetry: whoAmI,
    });
    clearTimeout(this._helloTimer);
    this._helloTimer = setTimeout(() => !this._reading && this._read(), HELLO_MS);
  }

  /**
   * Tell that events do not come, or that the channel cannot be read.
   *
   * @param {{ line?: boolean, reading?: boolean }} change
   */
  _tellLost(change) {
    this._lost = { ...this._lost, ...change };
    const detail = this._lost.line || this._lost.reading;
    this.dispatchEvent(new CustomEvent("line-lost", { detail, bubbles: true }));
  }

  async _read() {
    const turn = ++this._reading;
    this._early = [];
    const id = this.channelId;
    try {
      const read = await readChannel(id);
      if (turn !== this._reading) {
        return;
      }
      const state = makeState(id, read, Date.now());
      state.switches = (this._state?.switches ?? -1) + 1;
      this._state = (this._early ?? []).reduce(applyEvent, state);
      this._problem = "";
      this._tellLost({ reading: false });
      document.title = `${state.channel.name} · AwazPulse`;
    } catch (error) {
      if (turn !== this._reading) {
        return;
      }
      const mayPass = error instanceof ApiError && (error.status === 0 || error.status >= 500);
      if (mayPass) {
        this._tellLost({ reading: Boolean(this._state) }); // what is shown may not be true any more
        clearTimeout(this._againTimer);
        this._againTimer = setTimeout(() => this._read(), AGAIN_MS);
      }
      if (!mayPass || !this._state) {
        this._problem = error instanceof Error ? error.message : String(error);
      }
    }
    if (turn === this._reading) {
      this._early = null;
    }
  }

  /** @param {ChannelEvent} event */
  _apply(event) {
    this._early?.push(event);
    if (this._state) {
      this._state = applyEvent(this._state, event);
    }
  }

  /**
   * The type has changed: what was shown of the other one goes at once, also while no events come.
   *
   * @param {CustomEvent<StreamType>} event
   */
  _takeType(event) {
    const state = this._state;
    if (state && state.selectedType !== event.detail) {
      this._state = { ...state, selectedType: event.detail, switches: state.switches + 1 };
    }
  }

  /** @param {CustomEvent<Record<string, any>>} event */
  _takeSettings(event) {
    if (this._state) {
      this._state = { ...this._state, channel: event.detail };
    }
  }

  render() {
    if (this._problem && !this._state) {
      return html`<div class="card empty" role="alert">
        <h1>${t("channel.unreadable")}</h1>
        <p>${this._problem}</p>
        <p><a href="#/">${t("nowhere.back")}</a></p>
      </div>`;
    }
    const state = this._state;
    if (!state) {
      return html`<div aria-busy="true"><div class="card skeleton tall"></div></div>`;
    }
    return html`
      <div class="title-row channel-title">
        <a class="icon-only back" href="#/" aria-label=${t("nowhere.back")}>${icon("back")}</a>
        <h1><bdi>${state.channel.name}</bdi></h1>
        <a
          class="quiet"
          href="/listen/${encodeURIComponent(state.id)}"
          target="_blank"
          rel="noopener"
          >${icon("link")}${t("channel.listen-page")}</a
        >
      </div>
      ${this._renderTabs(state.id)}
      ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
      ${this._renderPart(state)}
    `;
  }

  /** @param {string} id */
  _renderTabs(id) {
    return html`<nav class="tabs" aria-label=${t("channel.parts")}>
      ${PARTS.map(
        (part) =>
          html`<a
            href="#/channel/${encodeURIComponent(id)}${part && `/${part}`}"
            aria-current=${part === this.tab ? "page" : "false"}
            >${t(`part.${part || "studio"}`)}</a
          >`,
      )}
    </nav>`;
  }

  /** @param {ChannelState} state */
  _renderPart(state) {
    const isOwner = state.channel.ownerId === this.user?.id;
    switch (this.tab) {
      case "audience":
        return html`<aw-audience
          .channelId=${state.id}
          .listeners=${state.listeners}
        ></aw-audience>`;
      case "settings":
        return html`<aw-settings
          .channel=${state.channel}
          .isAdmin=${this.user?.role === "admin"}
          .isOwner=${isOwner}
          @settings-changed=${this._takeSettings}
        ></aw-settings>`;
      default:
        return html`<div class="studio" @type-switched=${this._takeType}>
          <aw-on-air .channel=${state}></aw-on-air>
          <div class="column">
            <aw-type-selector .channel=${state}></aw-type-selector>
            <aw-credentials .channel=${state} .isOwner=${isOwner}></aw-credentials>
            <aw-guide .channel=${state} .isOwner=${isOwner}></aw-guide>
          </div>
          <aw-history .channel=${state}></aw-history>
        </div>`;
    }
  }
}
customElements.define("aw-channel", ChannelPage);

/** @param {string} id */
async function readChannel(id) {
  const path = `/streams/channel/${encodeURIComponent(id)}`;
  const since = new Date(Date.now() - HISTORY_DAYS * 24 * 3600_000).toISOString();
  const paths = {
    channel: `/channels/${encodeURIComponent(id)}`,
    addresses: `${path}/addresses`,
    active: `${path}/active-type`,
    diagnosis: `${path}/diagnosis`,
    listeners: `${path}/listeners`,
    levels: `${path}/levels`,
    history: `${path}/history?limit=10&from=${since}`,
  };
  // What only adds to the page may be missing: the page is worth more without it than not at all.
  const optional = ["addresses", "listeners", "levels", "history"];
  const entries = Object.entries(paths).map(async ([name, address]) => {
    const answer = get(address);
    return [name, await (optional.includes(name) ? answer.catch(onRefusal(name)) : answer)];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** @param {string} name */
function onRefusal(name) {
  return (/** @type {unknown} */ error) => {
    if (error instanceof ApiError && error.status >= 500) {
      return name === "history" ? { items: [] } : null;
    }
    throw error;
  };
}
