// Mood over time: stacked bands with a playhead; click or slide to hear that place.
import { api } from "./api.js";
import { h, refill, s } from "./dom.js";
import { moodColour, moodTag } from "./moods.js";
import { sentence } from "./notices.js";
import { player } from "./player.js";
import { on } from "./state.js";
import { clean, clock, percent, spoken } from "./words.js";

const WIDE = 1000;
const TALL = 120;
const PAUSE_MS = 1500;
const PATIENCE = 120; // asked so many times, then given up

let moveHead = null;
on("tick", (seconds) => moveHead?.(seconds));

/** A figure that fills itself; `signal` ends it. */
export function timeline(track, signal) {
  const box = h(
    "div",
    { class: "timeline" },
    h("p", { class: "note" }, "Listening through the track …"),
  );
  moveHead = null;
  // Asked for when it comes into sight: the server may have to listen to the whole track first.
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    load(track, box, signal);
  });
  seen.observe(box);
  signal.addEventListener("abort", () => seen.disconnect());
  return box;
}

async function load(track, box, signal, tries = 0) {
  try {
    const answer = await api.timeline(track.id, signal);
    if (signal.aborted) return;
    if (answer) draw(track, box, answer);
    else if (tries < PATIENCE)
      setTimeout(() => signal.aborted || load(track, box, signal, tries + 1), PAUSE_MS);
    else
      refill(
        box,
        h(
          "p",
          { class: "note" },
          "It takes too long to listen through this track. Open it again later.",
        ),
      );
  } catch (error) {
    if (error.name !== "AbortError")
      refill(box, h("p", { class: "note" }, sentence(clean(error.message))));
  }
}

function draw(track, box, { moods, windows }) {
  const heard = windows.filter((one) => moods.some((mood) => typeof one.p?.[mood] === "number"));
  if (!heard.length) {
    refill(box, h("p", { class: "note" }, "Too short, or too quiet, to tell how the mood goes."));
    return;
  }
  const total = (track.duration_ms ?? 0) / 1000 || heard.at(-1).stop_s;
  const x = (seconds) => (WIDE * Math.min(seconds, total)) / total;
  const middles = [0, ...heard.map((one) => (one.start_s + one.stop_s) / 2), total].map(x);
  const held = [heard[0], ...heard, heard.at(-1)];
  const below = held.map(() => 0);
  const bands = moods.map((mood) => {
    const foot = [...below];
    held.forEach((one, index) => (below[index] += one.p[mood] ?? 0));
    const edge = (values) =>
      values.map(
        (value, index) =>
          `${middles[index].toFixed(1)} ${(TALL * (1 - Math.min(1, value))).toFixed(1)}`,
      );
    const band = s("path", { d: `M${[...edge(below), ...edge(foot).reverse()].join("L")}Z` });
    band.style.fill = moodColour(mood);
    return band;
  });
  const head = h("i", { class: "playhead", hidden: true });
  const slider = h("input", {
    type: "range",
    min: "0",
    max: String(Math.max(1, Math.round(total))),
    step: "1",
    value: "0",
    "aria-label": "Mood over time: hear from here",
    oninput: () => jump(Number(slider.value)),
    onpointermove: (event) => {
      const box_ = slider.getBoundingClientRect();
      tell((total * (event.clientX - box_.left)) / box_.width);
    },
    onpointerleave: () => tell(null),
  });
  const words = h("p", { class: "note", "aria-hidden": "true" });

  const at = (seconds) => heard.find((one) => seconds < one.stop_s) ?? heard.at(-1);
  const leading = (one) =>
    moods.reduce((best, mood) => ((one.p[mood] ?? 0) > (one.p[best] ?? 0) ? mood : best));
  function tell(seconds) {
    if (seconds === null || !Number.isFinite(seconds)) {
      refill(words, "Click to hear a place.");
      return;
    }
    const one = at(Math.max(0, seconds));
    const mood = leading(one);
    refill(words, `${clock(Math.max(0, seconds))}  `, moodTag(mood), ` ${percent(one.p[mood])}`);
  }
  function jump(seconds) {
    if (player.id === track.id) player.seek(seconds);
    else {
      player.play(track.id);
      player.audio.addEventListener("loadedmetadata", () => player.seek(seconds), { once: true });
    }
  }
  moveHead = (seconds) => {
    head.hidden = player.id !== track.id;
    if (head.hidden) return;
    head.style.setProperty("--at", `${(100 * seconds) / total}%`);
    if (document.activeElement !== slider || !player.audio.paused)
      slider.value = String(Math.round(seconds));
    slider.setAttribute("aria-valuetext", `${spoken(seconds)}: ${clean(leading(at(seconds)))}`);
  };
  const means = moods
    .map((mood) => [mood, heard.reduce((sum, one) => sum + (one.p[mood] ?? 0), 0) / heard.length])
    .filter(([, mean]) => mean >= 0.03)
    .sort((a, b) => b[1] - a[1]);
  refill(
    box,
    h(
      "div",
      { class: "bands" },
      s(
        "svg",
        { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", "aria-hidden": "true" },
        bands,
      ),
      head,
      slider,
    ),
    h(
      "div",
      { class: "times", "aria-hidden": "true" },
      h("span", {}, "0:00"),
      h("span", {}, clock(total)),
    ),
    words,
    h(
      "p",
      { class: "note legend" },
      h("span", {}, "On the whole:"),
      means.map(([mood, mean]) => h("span", {}, moodTag(mood), ` ${percent(mean)}`)),
    ),
  );
  tell(null);
  slider.setAttribute("aria-valuetext", `0 s: ${clean(leading(heard[0]))}`);
  moveHead(player.id === track.id ? player.audio.currentTime : 0);
}
