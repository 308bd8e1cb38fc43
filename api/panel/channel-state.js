// A channel as the page knows it: read once, then kept true by events. No network in here.

/** @typedef {import("./events.js").ChannelEvent} ChannelEvent */
/** @typedef {"hls" | "icecast"} StreamType */
/** @typedef {{ title: string, artist: string, track: string }} Title */
/** @typedef {{ hls: number, icecast: number, total: number }} Listeners */
/** @typedef {{ peakDbfs: number[], rmsDbfs: number[], isClipped: boolean, isMono: boolean }} Levels */
/** @typedef {{ address: string, encoder: string }} Source */
/** @typedef {{ codec?: string, sampleRate?: number, channels?: number, bitrateKbps?: number | null }} Audio */
/** @typedef {{ gaps: number, longestGapSeconds: number, clockPercent: number | null }} Quality */
/** @typedef {{ title: string, artist: string, track: string, startedAt: string }} Played */
/**
 * @typedef {object} Happening
 * @property {string} type
 * @property {string} streamType
 * @property {string} time
 * @property {number} count
 * @property {Record<string, any>} data
 */
/**
 * @typedef {object} Addresses
 * @property {{ rtmpUrl: string, playbackUrl: string }} hls
 * @property {{ server: string, port: number, mountPoint: string, username: string, playbackUrl: string }} icecast
 */
/**
 * @typedef {object} ChannelState
 * @property {string} id
 * @property {Record<string, any>} channel its settings
 * @property {Addresses | null} addresses
 * @property {StreamType} selectedType
 * @property {boolean} isLive
 * @property {"source" | "silence" | "fallback" | "nothing"} sound what listeners hear
 * @property {boolean} isWaiting on air without its encoder
 * @property {boolean} isDeadAir
 * @property {number | null} onAirSince milliseconds of this browser's clock
 * @property {Title | null} title
 * @property {Source | null} source
 * @property {Audio | null} audio
 * @property {Quality | null} quality
 * @property {Listeners} listeners
 * @property {Levels | null} levels
 * @property {Happening[]} happenings the newest first
 * @property {Played[]} played the newest first
 * @property {number} switches how often the type was changed while the page looked on
 */

export const MAX_HAPPENINGS = 50;
export const MAX_PLAYED = 10;
const NOBODY = Object.freeze({ hls: 0, icecast: 0, total: 0 });
const MEASUREMENTS = ["listeners", "levels", "title", "quality"];
const SAME_MS = 1500; // times of read happenings are cut to seconds

/**
 * Return the state that the API's answers make.
 *
 * @param {string} id
 * @param {Record<string, any>} read
 * @param {number} now
 * @returns {ChannelState}
 */
export function makeState(id, read, now) {
  const { channel, addresses, active, diagnosis, listeners, history, levels } = read;
  const hasTitle = active.currentTrack || active.currentArtist;
  return {
    id,
    channel,
    addresses,
    selectedType: active.selectedType,
    isLive: active.isLive,
    sound: diagnosis.sound,
    isWaiting: active.isLive && diagnosis.sound !== "source",
    isDeadAir: Boolean(levels?.isDeadAir),
    onAirSince: diagnosis.onAirSeconds === null ? null : now - diagnosis.onAirSeconds * 1000,
    title:
      active.isLive && hasTitle ? describeTitle(active.currentArtist, active.currentTrack) : null,
    source: diagnosis.source,
    audio: diagnosis.audio,
    quality: diagnosis.quality,
    listeners: readListeners(listeners),
    levels: levels?.peakDbfs ? levels : null,
    happenings: diagnosis.happenings.filter(isShown),
    played: history.items.slice(0, MAX_PLAYED),
    switches: 0,
  };
}

/** @param {Record<string, any> | null} answer */
function readListeners(answer) {
  const { hls = 0, icecast = 0 } = answer?.byType ?? {};
  return { hls, icecast, total: answer?.listeners ?? 0 };
}

/**
 * @param {string | null} artist
 * @param {string | null} track
 * @returns {Title}
 */
function describeTitle(artist, track) {
  return {
    artist: artist ?? "",
    track: track ?? "",
    title: [artist, track].filter(Boolean).join(" - "),
  };
}

/** @param {{ type: string }} happening */
function isShown(happening) {
  return !MEASUREMENTS.includes(happening.type);
}

/**
 * Return the state after an event.
 *
 * @param {ChannelState} state
 * @param {ChannelEvent} event
 * @returns {ChannelState}
 */
export function applyEvent(state, event) {
  const change = CHANGES[event.type];
  const changed = change ? { ...state, ...change(state, event) } : state;
  return isShown(event)
    ? { ...changed, happenings: addHappening(state.happenings, event) }
    : changed;
}

const OFF = Object.freeze({
  isLive: false,
  isWaiting: false,
  isDeadAir: false,
  sound: /** @type {const} */ ("nothing"),
  onAirSince: null,
  title: null,
  source: null,
  audio: null,
  quality: null,
  levels: null,
  listeners: NOBODY,
});

/** @type {Record<string, (state: ChannelState, event: ChannelEvent) => Partial<ChannelState>>} */
const CHANGES = {
  on_air: (state, event) => ({
    isLive: true,
    onAirSince: state.isLive ? state.onAirSince : Date.parse(event.time),
    sound: state.isLive ? state.sound : "source",
  }),
  off_air: () => OFF,
  switched: (state, event) => ({
    selectedType: event.streamType,
    switches: state.switches + 1,
  }),
  source_connected: (state, { data }) => ({
    isLive: true,
    onAirSince: state.onAirSince ?? Date.now(),
    source: { address: data.address ?? "", encoder: data.encoder ?? data.userAgent ?? "" },
    quality: null,
  }),
  source_heard: (_, { data }) => ({
    isWaiting: false,
    sound: "source",
    audio: data.codec ? /** @type {Audio} */ (data) : null,
  }),
  source_lost: () => ({ source: null, isWaiting: true, levels: null, isDeadAir: false }),
  silence_began: () => ({ isWaiting: true, sound: "silence" }),
  fallback_began: () => ({ isWaiting: true, sound: "fallback" }),
  dead_air_began: () => ({ isDeadAir: true }),
  dead_air_ended: () => ({ isDeadAir: false }),
  title: (state, { data, time }) => {
    const title = { title: data.title ?? "", artist: data.artist ?? "", track: data.track ?? "" };
    return { title: title.title ? title : null, played: addPlayed(state.played, title, time) };
  },
  quality: (state, { data }) => ({
    quality: /** @type {Quality} */ (data),
    audio: { ...state.audio, ...pickAudio(data) },
  }),
  listeners: (_, { data }) => ({
    listeners: { hls: data.hls ?? 0, icecast: data.icecast ?? 0, total: data.total ?? 0 },
  }),
  levels: (_, { data }) => ({ levels: data.peakDbfs ? /** @type {Levels} */ (data) : null }),
};

/** @param {Record<string, any>} data */
function pickAudio(data) {
  const names = ["codec", "sampleRate", "channels", "bitrateKbps"];
  const known = names.filter((name) => data[name] !== undefined && data[name] !== null);
  return Object.fromEntries(known.map((name) => [name, data[name]]));
}

/**
 * @param {Played[]} played
 * @param {Title} title
 * @param {string} time
 */
function addPlayed(played, title, time) {
  if (!title.title || played[0]?.title === title.title) {
    return played;
  }
  return [{ ...title, startedAt: time }, ...played].slice(0, MAX_PLAYED);
}

/**
 * @param {Happening[]} happenings
 * @param {ChannelEvent} event
 */
function addHappening(happenings, event) {
  const { type, streamType, time, data } = event;
  const added = { type, streamType, time, data, count: 1 };
  const newest = happenings[0];
  if (newest?.type === type && newest.data.reason === data.reason) {
    if (
      Math.abs(Date.parse(newest.time) - Date.parse(time)) < SAME_MS &&
      type !== "login_refused"
    ) {
      return happenings; // read a moment ago, and told as well
    }
    if (type === "login_refused") {
      return [{ ...added, count: newest.count + 1 }, ...happenings.slice(1)];
    }
  }
  return [added, ...happenings].slice(0, MAX_HAPPENINGS);
}

/**
 * Return the refusal that keeps the encoder away now: the newest, unless an encoder has come since.
 *
 * @param {ChannelState} state
 * @returns {Happening | null}
 */
export function findRefusal(state) {
  if (state.source) {
    return null;
  }
  const ends = ["login_refused", "source_connected", "switched"];
  const newest = state.happenings.find(({ type }) => ends.includes(type));
  return newest?.type === "login_refused" ? newest : null;
}
