// Teach: corrections become a model of one's own, shown with its figures before it is used.
import { api } from "./api.js";
import { h, refill } from "./dom.js";
import { loadMoods, moodColour, moods, moodTag } from "./moods.js";
import { complain, failure, say, sentence, toast } from "./notices.js";
import { change, emit, on } from "./state.js";
import { clean, counted, number, percent, theirs } from "./words.js";

const PAUSE_MS = 1000;
const DATE = { day: "numeric", month: "long", year: "numeric" };

/** The view. */
export function teachView() {
  const place = h("div", { class: "teach" });
  const root = h(
    "section",
    { class: "page", "aria-label": "Teach" },
    h("h1", {}, "Teach it your ear"),
    place,
  );
  let timer = 0;
  let before = "";
  let stopping = false; // asked for, not yet there

  async function load() {
    clearTimeout(timer);
    try {
      const state = await api.teach();
      if (root.hidden) return;
      stopping &&= state.state === "training";
      const key = JSON.stringify([state, stopping, moods.list.map(({ name }) => name)]);
      if (key !== before) {
        if (state.state === "ready" && before.includes('"training"')) say("The new model is ready");
        draw(state);
      }
      before = key;
      if (state.state === "training") timer = setTimeout(load, PAUSE_MS);
    } catch (error) {
      before = "";
      refill(place, failure(error, load));
    }
  }

  async function act(call, words) {
    try {
      await call();
      if (words) toast(words);
      if (call === api.adopt || call === api.revert) {
        await loadMoods();
        emit("changed");
      }
    } catch (error) {
      complain(error);
    }
    before = "";
    load();
  }

  function draw(state) {
    // The keyboard keeps its place while figures change.
    const focused = place.contains(document.activeElement)
      ? document.activeElement.textContent
      : null;
    refill(
      place,
      state.candidate && state.state !== "training" ? verdict(state) : null,
      h(
        "div",
        { class: "columns" },
        corrections(state),
        h("div", {}, training(state), inUse(state)),
      ),
    );
    if (focused !== null) {
      (
        [...place.querySelectorAll("button")].find((one) => one.textContent === focused) ??
        root.querySelector("h1")
      ).focus?.();
    }
  }

  function corrections({ labels, needed, enough, why }) {
    const entries = Object.entries(labels ?? {}).sort((a, b) => b[1] - a[1]);
    const total = entries.reduce((sum, [, count]) => sum + count, 0);
    const most = Math.max(needed, ...entries.map(([, count]) => count));
    return h(
      "section",
      {},
      h("h2", {}, total ? `You have corrected ${counted(total, "track")}` : "No corrections yet"),
      total
        ? h(
            "ul",
            { class: "odds tall", "aria-label": "Corrections by mood" },
            entries.map(([mood, count]) =>
              h(
                "li",
                {},
                moodTag(mood),
                h("i", {
                  class: "bar",
                  "aria-hidden": "true",
                  vars: { "--c": moodColour(mood), "--part": `${(100 * count) / most}%` },
                }),
                h(
                  "span",
                  { class: "n" },
                  count < needed ? `${number(count)} of ${needed}` : number(count),
                ),
              ),
            ),
          )
        : h(
            "p",
            {},
            "Open a track and say what it awakens in you: ",
            "one of the moods, or a word of your own, such as “rainy Sunday”. ",
            "Tracks that the model got right count as well: press the mood it has.",
          ),
      !enough && why && h("p", { class: "note" }, sentence(clean(why))),
      total > 0 &&
        h(
          "p",
          {},
          h(
            "button",
            {
              type: "button",
              class: "quiet",
              onclick: () => change({ view: "tracks", corrected: true, q: "", moods: [] }),
            },
            "See them",
          ),
        ),
      h(
        "p",
        {},
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            onclick: () =>
              change({
                view: "tracks",
                sure: "low",
                sort: "confidence",
                descending: false,
                corrected: false,
              }),
          },
          "Show tracks it is unsure of",
        ),
        h("span", { class: "note" }, " They teach it most."),
      ),
    );
  }

  function training({ state, progress, enough, error, candidate }) {
    if (state === "training") {
      const part = progress?.total ? progress.done / progress.total : null;
      return h(
        "section",
        {},
        h("h2", {}, "It is learning"),
        h("progress", {
          max: "1",
          "aria-label": "Training",
          ...(part !== null && { value: part }),
        }),
        h(
          "p",
          { class: "note" },
          progress?.stage
            ? [
                sentence(clean(progress.stage)),
                progress.total ? ` ${progress.done} of ${progress.total}` : null,
              ]
            : "This takes a minute or two; listen to something meanwhile.",
        ),
        h(
          "p",
          {},
          stopping
            ? h("span", { class: "note" }, "Stopping …")
            : h(
                "button",
                {
                  type: "button",
                  onclick: () => {
                    stopping = true;
                    act(api.discard);
                  },
                },
                "Stop",
              ),
        ),
      );
    }
    return h(
      "section",
      {},
      h("h2", {}, "A model of your own"),
      h(
        "p",
        {},
        "It learns from your corrections alone, on this machine. ",
        "Before it replaces the one in use, both are tried ",
        "on tracks they have not learned from, and you decide.",
      ),
      state === "failed" && error && h("p", { class: "warn" }, sentence(clean(error))),
      h(
        "p",
        {},
        h(
          "button",
          {
            type: "button",
            class: candidate ? "" : "primary",
            disabled: !enough,
            onclick: () => act(api.train),
          },
          candidate ? "Train again" : "Train",
        ),
      ),
    );
  }

  function verdict({ candidate }) {
    const { current = {} } = candidate;
    const better = candidate.accuracy - (current.accuracy ?? 0);
    const figure = (words, share, strong) =>
      h(
        "div",
        { class: strong ? "figure strong" : "figure" },
        h("span", { class: "what" }, words),
        h("span", { class: "large" }, percent(share)),
      );
    const per = Object.entries(candidate.per_mood ?? {}).map(([mood, value]) => [
      mood,
      typeof value === "number" ? value : value?.recall,
      value?.n,
    ]);
    return h(
      "section",
      { class: "verdict-box", "aria-label": "The new model" },
      h(
        "h2",
        {},
        candidate.is_clear === false || better === 0
          ? "Too close to tell"
          : better > 0
            ? "The new model knows your ear better"
            : "The one in use does better still",
      ),
      h(
        "p",
        { class: "note" },
        `How often each names the mood that you gave, on ${counted(candidate.n ?? 0, "track")}:`,
      ),
      h(
        "div",
        { class: "duel" },
        figure("The new model", candidate.accuracy, true),
        figure("The one in use", current.accuracy, false),
      ),
      per.length > 0 &&
        h(
          "ul",
          { class: "odds", "aria-label": "The new model, mood by mood" },
          per.map(([mood, share, n]) =>
            h(
              "li",
              {},
              moodTag(mood),
              h("i", {
                class: "bar",
                "aria-hidden": "true",
                vars: { "--c": moodColour(mood), "--part": `${100 * (share ?? 0)}%` },
              }),
              h(
                "span",
                { class: "n" },
                n ? `${Math.round((share ?? 0) * n)} of ${n}` : percent(share),
              ),
            ),
          ),
        ),
      (candidate.words ?? []).map((words) => h("p", {}, clean(words))),
      h(
        "p",
        { class: "buttons" },
        h(
          "button",
          {
            type: "button",
            class: "primary",
            onclick: () => act(api.adopt, "Your model is in use; all moods were told anew"),
          },
          "Use the new model",
        ),
        h(
          "button",
          { type: "button", onclick: () => act(api.discard, "The old one stays") },
          "Keep the old one",
        ),
      ),
    );
  }

  function inUse({ history }) {
    const { model } = moods;
    const personal = Boolean(model?.personal);
    return h(
      "section",
      {},
      h("h2", {}, "In use"),
      h(
        "p",
        {},
        personal
          ? ["Your own model, ", theirs(model.name), "."]
          : "The model that comes with affetto.",
        personal && [
          " ",
          h("a", { href: "/api/report", target: "_blank", rel: "noopener" }, "Read its report"),
        ],
      ),
      (history ?? []).length > 0 &&
        h(
          "ul",
          { class: "plain" },
          history.map(({ name, made_at, in_use }) =>
            h(
              "li",
              {},
              theirs(name),
              made_at
                ? h(
                    "span",
                    { class: "note" },
                    ` ${new Date(made_at * 1000).toLocaleDateString("en", DATE)}`,
                  )
                : null,
              in_use && h("span", { class: "note" }, ", in use"),
            ),
          ),
        ),
      personal &&
        h(
          "p",
          {},
          h(
            "button",
            {
              type: "button",
              class: "quiet",
              onclick: () => act(api.revert, "The model before is in use again"),
            },
            "Go back to the one before",
          ),
        ),
    );
  }

  on("corrected", () => root.hidden || load());
  on("moods", () => root.hidden || load());
  return {
    root,
    title: "Teach",
    show: () => {
      before = "";
      load();
    },
  };
}
