// Numbers and names as people read them.
import { h } from "./dom.js";

export const UNKNOWN = "–";

const FEATURES = {
  energy: ["energy", "intensity and activity"],
  valence: ["valence", "how bright it feels"],
  danceability: ["danceability", "steady, strong beat"],
  tempo: ["tempo", "beats a minute"],
  loudness: ["loudness", "overall level"],
  acousticness: ["acousticness", "likely acoustic"],
  instrumentalness: ["instrumentalness", "likely no vocals"],
  speechiness: ["speechiness", "spoken words"],
  liveness: ["liveness", "an audience is there"],
  duration_ms: ["duration", "length"],
};

export const FEATURE_ORDER = Object.keys(FEATURES);
export const RANGES = { tempo: [50, 200], loudness: [-40, 0], duration_ms: [0, 600000] };

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** What a feature is called, and what it means. */
export const featureName = (name) => (FEATURES[name] ?? [name, ""])[0];
export const featureMeaning = (name) => (FEATURES[name] ?? [name, ""])[1];

/** A feature's value in its unit. */
export function featureValue(name, value) {
  if (!isNumber(value)) return UNKNOWN;
  if (name === "tempo") return `${Math.round(value)} BPM`;
  if (name === "loudness") return `${signed(value.toFixed(1))} dB`;
  if (name === "duration_ms") return clock(value / 1000);
  return value !== 0 && Math.abs(value) < 0.005 ? "< 0.01" : signed(value.toFixed(2));
}

export const signed = (text) => text.replace("-", "−");

/** Whole percent; neither 0% nor 100% unless exactly that. */
export function percent(share) {
  if (!isNumber(share)) return UNKNOWN;
  if (share > 0 && share < 0.005) return "< 1%";
  if (share < 1 && share > 0.995) return "> 99%";
  return `${Math.round(100 * share)}%`;
}

/** 3:05, 1:02:30. */
export function clock(seconds) {
  if (!isNumber(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.round(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** 3 min 5 s, for those who hear it read. */
export function spoken(seconds) {
  if (!isNumber(seconds)) return "length unknown";
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** 48 min, 3 h 20 min. */
export function span(minutes) {
  if (!isNumber(minutes)) return UNKNOWN;
  if (minutes < 1) return "under a minute";
  const whole = Math.round(minutes);
  if (whole < 60) return `${whole} min`;
  const hours = Math.floor(whole / 60);
  return whole < 600 && whole % 60 ? `${hours} h ${whole % 60} min` : `${number(hours)} h`;
}

export const number = (count) => (isNumber(count) ? count.toLocaleString("en") : UNKNOWN);

/** 1 track, 2 tracks. */
export const counted = (count, noun, plural = `${noun}s`) =>
  `${number(count)} ${count === 1 ? noun : plural}`;

/** a, b and c. */
export function joined(names, last = "and") {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}`;
}

/** What cannot be shown is shown as such; a line stays a line. */
export function clean(text) {
  return String(text ?? "")
    .replace(/[\t\n\r\u2028\u2029]+/g, " ")
    .replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, "\ufffd");
}

/** The first of a text that is too long to be read out whole. */
export function brief(text, most = 120) {
  const letters = [...clean(text)];
  return letters.length > most ? `${letters.slice(0, most).join("")}…` : letters.join("");
}

/** A stranger's words: they run in their own direction and cannot turn what stands around. */
export function theirs(text, props = {}) {
  const words = clean(text);
  return h(
    "bdi",
    { dir: "auto", ...props, title: words.length > 40 ? brief(words, 300) : undefined },
    words,
  );
}

export const nameOf = (track) => track.title || track.name || "untitled";
export const artistOf = (track) => track.artist || "unknown artist";

/** A track in one breath: title, artist, mood, how sure. */
export function inOneBreath(track) {
  return `${brief(nameOf(track))}, ${brief(artistOf(track), 60)}: ${moodWords(track)}`;
}

/** Its mood and where that comes from. */
export function moodWords(track) {
  if (track.own_mood) return `${clean(track.own_mood)}, as you said`;
  if (track.state === "failed") return "could not be heard";
  if (!track.mood) return track.reason === "unsure" || track.model_mood ? "unsure" : "no mood yet";
  return `${clean(track.mood)}, ${percent(track.confidence)} sure`;
}
