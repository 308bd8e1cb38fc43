// Listeners over time: the average as an area, the peak as a line.

import { PlainElement, html, nothing } from "./lit.js";
import { formatNumber, formatTime, t } from "./i18n.js";

const HEIGHT = 220;
const DAY_S = 24 * 3600;

/** @typedef {{ start: string, averageListeners: number, peakListeners: number }} Piece */

class Chart extends PlainElement {
  static properties = { pieces: { attribute: false }, label: { attribute: false } };

  constructor() {
    super();
    /** @type {Piece[]} */
    this.pieces = [];
    this.label = "";
    /** @type {import("uplot") | undefined} */
    this._plot = undefined;
    this._watcher = new ResizeObserver(() => this._fit());
    this._redraw = () => this._draw();
  }

  connectedCallback() {
    super.connectedCallback();
    this._theme = new MutationObserver(this._redraw);
    this._theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this._scheme = matchMedia("(prefers-color-scheme: dark)");
    this._scheme.addEventListener("change", this._redraw);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._watcher.disconnect();
    this._theme?.disconnect();
    this._scheme?.removeEventListener("change", this._redraw);
    this._plot?.destroy();
    this._plot = undefined;
  }

  get _place() {
    return /** @type {HTMLElement} */ (this.querySelector(".plot"));
  }

  firstUpdated() {
    this._watcher.observe(this._place);
  }

  /** @param {Map<PropertyKey, unknown>} changed */
  updated(changed) {
    if (changed.has("pieces")) {
      this._update();
    }
  }

  /** @returns {import("uplot").AlignedData} */
  _list() {
    return [
      this.pieces.map(({ start }) => Date.parse(start) / 1000),
      this.pieces.map(({ averageListeners }) => averageListeners),
      this.pieces.map(({ peakListeners }) => peakListeners),
    ];
  }

  _update() {
    if (this._plot) {
      this._plot.setData(this._list());
    } else {
      this._draw();
    }
  }

  _fit() {
    this._plot?.setSize({ width: this._place.clientWidth, height: HEIGHT });
  }

  async _draw() {
    const { default: Plot } = await import("./vendor/uplot.js");
    if (!this.isConnected || !this._place.clientWidth) {
      return;
    }
    this._plot?.destroy();
    this._plot = new Plot(this._describe(), this._list(), this._place);
  }

  /** @returns {import("uplot").Options} */
  _describe() {
    const style = getComputedStyle(this._place);
    const [ink, line, accent, area] = [
      "--chart-ink",
      "--chart-grid",
      "--chart-line",
      "--chart-area",
    ].map((name) => resolveColour(this._place, style.getPropertyValue(name)));
    const font = `12px ${style.fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    return {
      width: this._place.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_plot, _least, most) => [0, Math.max(4, Math.ceil(most * 1.15))] } },
      axes: [
        {
          ...axis,
          values: (plot, ticks) =>
            nameTimes(ticks, (plot.scales.x.max ?? 0) - (plot.scales.x.min ?? 0)),
        },
        {
          ...axis,
          size: 44,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000],
          values: (_plot, ticks) => ticks.map((tick) => formatNumber(tick)),
        },
      ],
      series: [
        {},
        {
          label: t("report.average"),
          stroke: accent,
          width: 2,
          fill: area,
          points: { show: false },
        },
        {
          label: t("audience.peak"),
          stroke: accent,
          width: 1,
          dash: [3, 4],
          points: { show: false },
        },
      ],
    };
  }

  render() {
    const most = this.pieces.reduce((peak, piece) => Math.max(peak, piece.peakListeners), 0);
    return html`<figure
        class="chart"
        role="img"
        aria-label="${this.label}. ${t("audience.peak")}: ${most}"
      >
        <div class="plot" dir="ltr"></div>
      </figure>
      ${this.pieces.length && !most ? html`<p class="dim small">${t("audience.none")}</p>` : nothing}`;
  }
}
customElements.define("aw-chart", Chart);

/**
 * Canvases know neither `light-dark()` nor variables.
 *
 * @param {HTMLElement} place
 * @param {string} value
 */
function resolveColour(place, value) {
  place.style.color = value;
  const colour = getComputedStyle(place).color;
  place.style.color = "";
  return colour;
}

/**
 * @param {number[]} ticks seconds since 1970
 * @param {number} lengthS
 */
function nameTimes(ticks, lengthS) {
  /** @type {Intl.DateTimeFormatOptions} */
  const options = lengthS > 2 * DAY_S ? { day: "numeric", month: "short" } : { hour: "numeric" };
  return ticks.map((tick) => formatTime(tick * 1000, options));
}
