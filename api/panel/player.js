// Plays a channel, by hls.js, by the browser's own HLS, or as a plain stream. Shows nothing itself.

const RETRY_MS = 1500;
const AHEAD_S = 30;

/** @typedef {"idle" | "loading" | "playing" | "waiting" | "failed"} PlayerState */
/** @typedef {{ type: "hls" | "icecast", url: string }} Stream */

/**
 * Return an address as this page can reach it: a server that calls itself localhost is where the page is
 * from.
 *
 * @param {string} url
 */
export function makeReachable(url) {
  const address = new URL(url, location.href);
  if (address.hostname === "localhost" && location.hostname !== "localhost") {
    address.hostname = location.hostname;
  }
  return address.href;
}

/** Dispatches `change` when its state, its volume or its delay is another. */
export class RadioPlayer extends EventTarget {
  constructor() {
    super();
    /** @type {PlayerState} */
    this.state = "idle";
    this.audio = new Audio();
    this.audio.crossOrigin = "anonymous";
    this.audio.preload = "none";
    /** @type {Stream | null} */
    this._stream = null;
    this._wanted = false;
    /** @type {any} */
    this._hls = null;
    this._turn = 0;
    /** @type {number | undefined} */
    this._retryTimer = undefined;
    const audio = this.audio;
    audio.addEventListener("playing", () => this._become("playing"));
    audio.addEventListener("waiting", () => this._wanted && this._become("waiting"));
    audio.addEventListener("ended", () => this._retrySoon());
    // A phone call, pulled headphones or another app: the button must not say that it plays.
    audio.addEventListener("pause", () => {
      if (this._wanted && this.state === "playing" && !audio.ended) {
        this.stop();
      }
    });
    audio.addEventListener("error", () => audio.getAttribute("src") && this._retrySoon());
    audio.addEventListener("volumechange", () => this._tell());
  }

  /** Whether the listener wants to hear it; it may be waiting for audio. */
  get isWanted() {
    return this._wanted;
  }

  /**
   * Seconds from the station's present to what is heard now, as measured; null while it is not known.
   *
   * @returns {number | null}
   */
  get delayS() {
    const { audio } = this;
    if (this.state !== "playing") {
      return null;
    }
    const date = this._hls?.playingDate;
    if (date) {
      return Math.max(0, (Date.now() - date.getTime()) / 1000);
    }
    const { buffered } = audio;
    return buffered.length
      ? Math.max(0, buffered.end(buffered.length - 1) - audio.currentTime)
      : null;
  }

  /**
   * Say what to play; what plays already goes on with it. Null: nothing is on air.
   *
   * @param {Stream | null} stream
   */
  setStream(stream) {
    if (stream?.url === this._stream?.url && stream?.type === this._stream?.type) {
      return;
    }
    this._stream = stream;
    this._unload();
    if (this._wanted) {
      this._begin();
    }
  }

  play() {
    this._wanted = true;
    this._begin();
  }

  stop() {
    this._wanted = false;
    this._unload();
    this._become("idle");
  }

  /** @param {number} volume 0 to 1 */
  setVolume(volume) {
    this.audio.volume = volume;
    this.audio.muted = volume === 0;
  }

  close() {
    this.stop();
    this.audio.remove();
  }

  async _begin() {
    clearTimeout(this._retryTimer);
    this._unload();
    const stream = this._stream;
    if (!stream) {
      this._become("waiting");
      return;
    }
    this._become("loading");
    const turn = ++this._turn;
    const url = makeReachable(stream.url);
    if (stream.type === "hls") {
      const { default: Hls } = await import("./vendor/hls.js");
      if (turn !== this._turn) {
        return;
      }
      if (Hls.isSupported()) {
        this._loadHls(Hls, url);
      } else {
        this.audio.src = url; // Safari on phones plays it itself
      }
    } else {
      this.audio.src = url;
    }
    this._start(turn);
  }

  /** @param {number} turn */
  async _start(turn) {
    try {
      await this.audio.play();
    } catch (error) {
      if (
        turn === this._turn &&
        error instanceof DOMException &&
        error.name === "NotAllowedError"
      ) {
        this._wanted = false; // the browser wants a click first
        this._unload();
        this._become("idle");
      }
    }
  }

  /**
   * @param {any} Hls
   * @param {string} url
   */
  _loadHls(Hls, url) {
    const hls = new Hls({
      enableWorker: false, // it would be made of a blob, which the page's policy forbids
      lowLatencyMode: true,
      liveSyncDurationCount: 2,
      maxBufferLength: AHEAD_S,
      backBufferLength: AHEAD_S,
    });
    this._hls = hls;
    hls.on(Hls.Events.ERROR, (/** @type {string} */ _name, /** @type {any} */ data) => {
      if (!data.fatal || hls !== this._hls) {
        return;
      }
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR) {
        hls.recoverMediaError();
      } else {
        this._retrySoon();
      }
    });
    hls.loadSource(url);
    hls.attachMedia(this.audio);
  }

  _retrySoon() {
    if (!this._wanted) {
      return;
    }
    this._become("waiting");
    clearTimeout(this._retryTimer);
    this._retryTimer = setTimeout(() => this._wanted && this._begin(), RETRY_MS);
  }

  _unload() {
    this._turn++;
    clearTimeout(this._retryTimer);
    this._hls?.destroy();
    this._hls = null;
    if (this.audio.getAttribute("src")) {
      this.audio.removeAttribute("src");
      this.audio.load(); // ends the download
    }
  }

  /** @param {PlayerState} state */
  _become(state) {
    if (state !== this.state) {
      this.state = state;
      this._tell();
    }
  }

  _tell() {
    this.dispatchEvent(new Event("change"));
  }
}
