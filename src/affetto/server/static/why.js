// Why this mood: words, what each feature contributed, and the features beside what is typical.
import { h } from "./dom.js";
import { moodColour, moodTag } from "./moods.js";
import {
  clean,
  FEATURE_ORDER,
  featureMeaning,
  featureName,
  featureValue,
  percent,
  RANGES,
} from "./words.js";

const share = (value, [low, high]) =>
  `${Math.min(100, Math.max(0, (100 * (value - low)) / (high - low)))}%`;

/** How probable the model takes each mood to be. */
export function probabilities(track) {
  const entries = Object.entries(track.p ?? {})
    .sort((a, b) => b[1] - a[1])
    .slice(0, 6);
  if (!entries.length) return null;
  return h(
    "ul",
    { class: "odds", "aria-label": "How probable each mood is" },
    entries.map(([mood, p]) =>
      h(
        "li",
        {},
        moodTag(mood),
        h("i", {
          class: "bar",
          "aria-hidden": "true",
          vars: { "--c": moodColour(mood), "--part": `${100 * p}%` },
        }),
        h("span", { class: "n" }, percent(p)),
      ),
    ),
  );
}

/** Words, then a bar for each feature that counted. */
export function reasons(track) {
  const { explanation } = track;
  if (!explanation) return h("p", { class: "note" }, "The model in use cannot say why.");
  const weights = (explanation.contributions ?? [])
    .map((one) => ({ ...one, weight: weightOf(one, track) }))
    .filter(({ weight }) => Number.isFinite(weight))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  const most = Math.max(0.2, ...weights.map(({ weight }) => Math.abs(weight)));
  const named = weights.filter(({ weight }) => Math.abs(weight) > 0.02 * most).slice(0, 7);
  const next = track.second ?? "another mood";
  // The first sentence says what stands above already; what goes further unfolds.
  const words = (explanation.words ?? []).slice(1).map((one) => h("p", {}, clean(one)));
  return [
    words.slice(0, 1),
    named.length > 0 &&
      h(
        "table",
        { class: "weights" },
        h(
          "caption",
          {},
          "What spoke for ",
          moodTag(track.model_mood),
          " and what for ",
          moodTag(next),
        ),
        h(
          "thead",
          { class: "hidden" },
          h(
            "tr",
            {},
            ["Feature", "Value", "Pull"].map((words) => h("th", { scope: "col" }, words)),
          ),
        ),
        h(
          "tbody",
          {},
          named.map(({ feature, value, weight, toward }) =>
            h(
              "tr",
              {},
              h("th", { scope: "row", title: featureMeaning(feature) }, featureName(feature)),
              h("td", { class: "n" }, featureValue(feature, value ?? track.features?.[feature])),
              h(
                "td",
                { class: "pull" },
                h(
                  "span",
                  { class: "hidden" },
                  `towards ${clean(toward ?? (weight > 0 ? track.model_mood : next))}, `,
                  `${Math.round((100 * Math.abs(weight)) / most)} of 100`,
                ),
                h("i", {
                  class: weight > 0 ? "for" : "against",
                  "aria-hidden": "true",
                  vars: {
                    "--part": `${(50 * Math.abs(weight)) / most}%`,
                    "--c": moodColour(weight > 0 ? track.model_mood : next),
                  },
                }),
              ),
            ),
          ),
        ),
      ),
    words.length > 1 &&
      h("details", {}, h("summary", {}, "What else there is to say"), words.slice(1)),
  ];
}

function weightOf(one, track) {
  const size = one.contribution ?? one.weight ?? one.log_odds ?? NaN;
  // Signed already; or a size and where it pulls.
  return size > 0 && one.toward && one.toward !== track.model_mood ? -size : size;
}

/** The ten features, each on its range, with the middle half of the tracks of its mood. */
export function features(track) {
  const values = track.features ?? {};
  const names = FEATURE_ORDER.filter((name) => name in values);
  const mood = track.mood ?? track.model_mood;
  return h(
    "table",
    { class: "features" },
    h(
      "caption",
      {},
      track.typical
        ? [
            "The dot is this track; the band is where half of all ",
            moodTag(mood),
            " tracks lie, the line their middle.",
          ]
        : "The dot is this track on the range of each feature.",
    ),
    h(
      "thead",
      { class: "hidden" },
      h(
        "tr",
        {},
        ["Feature", "On its range", "Value"].map((words) => h("th", { scope: "col" }, words)),
      ),
    ),
    h(
      "tbody",
      {},
      names.map((name) => featureRow(name, values[name], track.typical?.[name], mood)),
    ),
  );
}

function featureRow(name, value, typical, mood) {
  const known = typeof value === "number";
  const range = spread(name, [value, typical?.low, typical?.high]);
  const band = typical && typeof typical.low === "number";
  const [low, median, high] = ["low", "median", "high"].map((key) =>
    featureValue(name, typical?.[key]),
  );
  const said = band ? `typical ${median}, half of them ${low} to ${high}` : "";
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("span", { title: featureMeaning(name) }, featureName(name))),
    h(
      "td",
      {},
      h("span", { class: "hidden" }, said),
      h(
        "i",
        {
          class: "range",
          "aria-hidden": "true",
          title: said,
          vars: {
            "--c": moodColour(mood),
            ...(band && {
              "--low": share(typical.low, range),
              "--high": share(typical.high, range),
              "--mid": share(typical.median, range),
            }),
            ...(known && { "--at": share(value, range) }),
          },
        },
        band && h("i", { class: "band" }),
        band && h("i", { class: "mid" }),
        known && h("i", { class: "dot" }),
      ),
    ),
    h("td", { class: "n" }, featureValue(name, value)),
  );
}

/** A range that holds what is shown on it. */
function spread(name, values) {
  const [low, high] = RANGES[name] ?? [0, 1];
  const known = values.filter((value) => typeof value === "number");
  return [Math.min(low, ...known), Math.max(high, ...known)];
}
