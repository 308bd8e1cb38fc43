// Who listens and listened: a chart, the sessions, and each title's audience.

import { PlainElement, html, nothing } from "./lit.js";
import { formatLength, formatMoment, formatNumber, formatTime, t } from "./i18n.js";
import { download, get } from "./api.js";
import { icon } from "./icons.js";
import { notifyOf } from "./notices.js";
import { nameEncoder } from "./encoder.js";
import "./chart.js";

const HOUR_MS = 3600_000;
const SPANS = /** @type {const} */ ({
  day: { hours: 24, pieces: "hour" },
  week: { hours: 7 * 24, pieces: "hour" },
  month: { hours: 30 * 24, pieces: "day" },
});
const PAGE = 20;

/** @typedef {keyof typeof SPANS} SpanName */

class Audience extends PlainElement {
  static properties = {
    channelId: { attribute: false },
    listeners: { attribute: false },
    _span: { state: true },
    _report: { state: true },
    _sessions: { state: true },
    _next: { state: true },
    _problem: { state: true },
    _showsTable: { state: true },
  };

  constructor() {
    super();
    this.channelId = "";
    /** @type {import("./channel-state.js").Listeners} */
    this.listeners = { hls: 0, icecast: 0, total: 0 };
    /** @type {SpanName} */
    this._span = "day";
    /** @type {any} */
    this._report = null;
    /** @type {any[]} */
    this._sessions = [];
    /** @type {string | null} */
    this._next = null;
    this._problem = "";
    this._showsTable = false;
    /** @type {number | undefined} */
    this._timer = undefined;
  }

  /** @param {Map<PropertyKey, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("channelId") || changed.has("_span")) {
      this._read();
    }
    if (changed.get("listeners") && !this._timer) {
      // Somebody came or went: the ledger knows of it in a moment.
      this._timer = setTimeout(() => {
        this._timer = undefined;
        this._read();
      }, 3000);
    }
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this._timer);
  }

  get _path() {
    return `/streams/channel/${encodeURIComponent(this.channelId)}`;
  }

  _makeQuery() {
    const { hours, pieces } = SPANS[this._span];
    // Whole hours, or days of the viewer's zone, up to the end of the present one.
    const end = new Date();
    end.setMinutes(60, 0, 0);
    if (pieces === "day") {
      end.setHours(24, 0, 0, 0);
    }
    const start = new Date(end.getTime() - hours * HOUR_MS);
    return { query: `from=${start.toISOString()}&to=${end.toISOString()}`, pieces };
  }

  async _read() {
    const span = this._span;
    const { query, pieces } = this._makeQuery();
    try {
      const [report, sessions] = await Promise.all([
        get(`${this._path}/report?${query}&pieces=${pieces}`),
        get(`${this._path}/sessions?${query}&limit=${PAGE}`),
      ]);
      if (span === this._span) {
        this._report = report;
        this._sessions = sessions.items;
        this._next = sessions.next;
        this._problem = "";
      }
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
    }
  }

  async _readMore() {
    try {
      const { query } = this._makeQuery();
      const page = await get(`${this._path}/sessions?${query}&limit=${PAGE}&after=${this._next}`);
      this._sessions = [...this._sessions, ...page.items];
      this._next = page.next;
    } catch (error) {
      notifyOf(error);
    }
  }

  /** @param {"sessions" | "report" | "history"} what */
  async _download(what) {
    try {
      const { query } = this._makeQuery();
      await download(`${this._path}/${what}?${query}&format=csv`, `${this.channelId}-${what}.csv`);
    } catch (error) {
      notifyOf(error);
    }
  }

  render() {
    const report = this._report;
    return html`
      <section class="card" aria-labelledby="audience">
        <div class="card-head">
          <h2 id="audience">${t("audience.title")}</h2>
          <div class="choice" role="group" aria-label=${t("audience.span")}>
            ${Object.keys(SPANS).map((span) => this._renderSpan(/** @type {SpanName} */ (span)))}
          </div>
        </div>
        ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
        <div class="figures">
          ${renderFigure(formatNumber(this.listeners.total), t("listeners.now", { n: this.listeners.total }))}
          ${renderFigure(report ? formatNumber(report.peakListeners) : "–", t("audience.peak"))}
          ${renderFigure(
            report ? formatNumber(report.hours, { maximumFractionDigits: 1 }) : "–",
            t("audience.hours"),
          )}
          ${renderFigure(report ? formatNumber(report.sessions) : "–", t("audience.sessions"))}
        </div>
        <aw-chart .pieces=${report?.pieces ?? []} .label=${t("audience.chart")}></aw-chart>
        <button
          class="link"
          aria-expanded=${this._showsTable}
          @click=${() => (this._showsTable = !this._showsTable)}
        >
          ${t("audience.table")}
        </button>
        ${this._showsTable && report ? renderPieces(report.pieces) : nothing}
      </section>
      ${this._renderTitles(report?.performances ?? [])} ${this._renderSessions()}
    `;
  }

  /** @param {SpanName} span */
  _renderSpan(span) {
    return html`<button aria-pressed=${span === this._span} @click=${() => (this._span = span)}>
      ${t(`audience.${span}`)}
    </button>`;
  }

  /** @param {any[]} performances */
  _renderTitles(performances) {
    return html`<section class="card" aria-labelledby="titles">
      <div class="card-head">
        <h2 id="titles">${t("report.title")}</h2>
        <button class="quiet" @click=${() => this._download("report")}>
          ${icon("download")}${t("csv")}
        </button>
      </div>
      ${
        performances.length
          ? html`<div class="table" tabindex="0" role="region" aria-labelledby="titles">
              <table>
                <thead>
                  <tr>
                    <th>${t("report.track")}</th>
                    <th class="number">${t("report.plays")}</th>
                    <th class="number">${t("report.length")}</th>
                    <th class="number">${t("report.average")}</th>
                  </tr>
                </thead>
                <tbody>
                  ${performances.slice(0, PAGE).map(
                    (one) =>
                      html`<tr>
                        <td>
                          <bdi>${one.track || one.title}</bdi>
                          ${one.artist ? html`<bdi class="dim">${one.artist}</bdi>` : nothing}
                        </td>
                        <td class="number">${formatNumber(one.plays)}</td>
                        <td class="number">${formatLength(one.seconds)}</td>
                        <td class="number">
                          ${formatNumber(one.averageListeners, { maximumFractionDigits: 1 })}
                        </td>
                      </tr>`,
                  )}
                </tbody>
              </table>
            </div>`
          : html`<p class="dim">${t("report.none")}</p>`
      }
    </section>`;
  }

  _renderSessions() {
    return html`<section class="card" aria-labelledby="sessions">
      <div class="card-head">
        <h2 id="sessions">${t("sessions.title")}</h2>
        <button class="quiet" @click=${() => this._download("sessions")}>
          ${icon("download")}${t("csv")}
        </button>
      </div>
      ${
        this._sessions.length
          ? html`<div class="table" tabindex="0" role="region" aria-labelledby="sessions">
                <table>
                  <thead>
                    <tr>
                      <th>${t("sessions.came")}</th>
                      <th class="number">${t("sessions.stayed")}</th>
                      <th>${t("sessions.by")}</th>
                      <th>${t("sessions.player")}</th>
                      <th>${t("sessions.from")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    ${this._sessions.map(renderSession)}
                  </tbody>
                </table>
              </div>
              ${
                this._next
                  ? html`<button class="quiet wide" @click=${this._readMore}>${t("more")}</button>`
                  : nothing
              }`
          : html`<p class="dim">${t("sessions.none")}</p>`
      }
    </section>`;
  }
}
customElements.define("aw-audience", Audience);

/**
 * @param {string} value
 * @param {string} label
 */
function renderFigure(value, label) {
  return html`<div><span class="figure">${value}</span><span class="dim">${label}</span></div>`;
}

/** @param {any} session */
function renderSession({ startedAt, endedAt, seconds, streamType, userAgent, address, country }) {
  return html`<tr>
    <td><time datetime=${startedAt}>${formatMoment(startedAt)}</time></td>
    <td class="number">
      ${formatLength(seconds)}${endedAt ? nothing : html` <span class="badge live">${t("sessions.still")}</span>`}
    </td>
    <td>${t(streamType === "hls" ? "type.hls" : "type.icecast")}</td>
    <td class="ltr cut" title=${userAgent}>${namePlayer(userAgent)}</td>
    <td class="ltr">${[country, address].filter(Boolean).join(" · ") || "–"}</td>
  </tr>`;
}

/** @param {string} userAgent */
function namePlayer(userAgent) {
  const browser = /(Edg|Firefox|Chrome|Safari|VLC|mpv|iTunes|Winamp|foobar2000)[/ ]/.exec(
    userAgent,
  )?.[1];
  return browser === "Edg" ? "Edge" : (browser ?? nameEncoder(userAgent));
}

/** @param {any[]} pieces */
function renderPieces(pieces) {
  const heard = pieces.filter((piece) => piece.peakListeners > 0);
  return html`<div class="table" tabindex="0" role="region" aria-label=${t("audience.table")}>
    <table>
      <thead>
        <tr>
          <th>${t("audience.when")}</th>
          <th class="number">${t("report.average")}</th>
          <th class="number">${t("audience.peak")}</th>
        </tr>
      </thead>
      <tbody>
        ${heard.map(
          (piece) =>
            html`<tr>
              <td>
                ${formatTime(piece.start, { weekday: "short", day: "numeric", hour: "2-digit", minute: "2-digit" })}
              </td>
              <td class="number">
                ${formatNumber(piece.averageListeners, { maximumFractionDigits: 1 })}
              </td>
              <td class="number">${formatNumber(piece.peakListeners)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
