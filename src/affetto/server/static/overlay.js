// What lies over the points: words of the moods, rings, the lasso, the path of a journey.
import { h, refill, s } from "./dom.js";
import { theirs } from "./words.js";

export class Overlay {
  constructor(plot) {
    this.plot = plot;
    this.path = s("polyline", { class: "path" });
    this.stops = s("g", { class: "stops" });
    this.lasso = s("polygon", { class: "lasso" });
    this.hover = s("circle", { class: "ring", r: 9, visibility: "hidden" });
    this.playing = s("circle", { class: "ring playing", r: 11, visibility: "hidden" });
    this.picture = s(
      "svg",
      { class: "over", "aria-hidden": "true" },
      this.path,
      this.stops,
      this.lasso,
      this.playing,
      this.hover,
    );
    this.names = h("div", { class: "names", "aria-hidden": "true" });
    this.titles = h("div", { class: "names titles", "aria-hidden": "true" });
    this.titled = []; // points whose titles are shown: [index, element]
    this.route = [];
    this.labels = [];
    this.hovered = -1;
    this.heard = -1;
  }

  /** Words at the middle of each mood that has enough points to have one. */
  setNames(names) {
    const { plot } = this;
    const groups = names.map(() => [[], []]);
    for (let i = 0; i < plot.n; i++) {
      const group = groups[plot.mood[i]];
      if (group) {
        group[0].push(plot.x[i]);
        group[1].push(plot.y[i]);
      }
    }
    const least = Math.max(2, 0.01 * plot.n);
    this.labels = names.flatMap((name, index) => {
      const [x, y] = groups[index];
      if (x.length < least) return [];
      return [{ name, x: median(x), y: median(y), node: h("span", {}, theirs(name)) }];
    });
    refill(
      this.names,
      this.labels.map((label) => label.node),
    );
  }

  /** Titles beside points, where so few are in sight that there is room; none shows moods again. */
  setTitles(entries) {
    this.titled = entries.map(([index, title]) => [index, h("span", {}, theirs(title))]);
    refill(
      this.titles,
      this.titled.map(([, node]) => node),
    );
    this.names.hidden = entries.length > 0;
    this.#placeTitles();
  }

  #placeTitles() {
    const { plot } = this;
    const reach = plot.radius + 4;
    const points = this.titled.map(([index]) => plot.place(index));
    const taken = points.map(([x, y]) => [x - plot.radius, y, 2 * plot.radius, 10 + plot.radius]);
    // The words of the axis, and the tools.
    taken.push(
      [0, plot.height / 2, 70, 20],
      [plot.width - 70, plot.height / 2, 70, 20],
      [plot.width - 70, plot.height - 100, 70, 105],
    );
    this.titled.forEach(([, node], at) => {
      const [x, y] = points[at];
      const wide = node.offsetWidth;
      const free = (left) =>
        left > 4 &&
        left + wide < plot.width - 4 &&
        !taken.some(
          ([l, t, w, tall], other) =>
            other !== at && l < left + wide && left < l + w && Math.abs(t - y) < tall,
        );
      const left = [x + reach, x - reach - wide].find(free);
      // One that finds no room on either side is left out: its point can still be pointed at.
      node.style.visibility = left === undefined ? "hidden" : "visible";
      if (left === undefined) return;
      taken.push([left, y, wide, 19]);
      node.style.transform = `translate(${left}px, ${y}px) translateY(-50%)`;
    });
  }

  /** Points in the order they are played. */
  setRoute(indices) {
    this.route = indices;
    refill(
      this.stops,
      indices.map(() => s("circle", { r: 4 })),
    );
  }

  setLasso(line) {
    this.lasso.setAttribute("points", line.map((at) => at.join(",")).join(" "));
  }

  /** Follow the points. */
  update() {
    const { plot } = this;
    const ring = (node, index) => {
      node.setAttribute("visibility", index < 0 || index >= plot.n ? "hidden" : "visible");
      if (index < 0 || index >= plot.n) return;
      const [x, y] = plot.place(index);
      node.setAttribute("cx", x);
      node.setAttribute("cy", y);
      node.setAttribute("r", plot.radius + (node === this.playing ? 6 : 3.5));
    };
    ring(this.hover, this.hovered);
    ring(this.playing, this.heard);
    const places = this.route.map((index) => plot.place(index));
    this.path.setAttribute("points", places.map((at) => at.join(",")).join(" "));
    [...this.stops.children].forEach((stop, step) => {
      stop.setAttribute("cx", places[step][0]);
      stop.setAttribute("cy", places[step][1]);
      const end = step === 0 || step === places.length - 1;
      stop.setAttribute("class", end ? "end" : "stop");
      stop.setAttribute("r", end ? 6 : 3.5);
    });
    this.#placeNames();
    this.#placeTitles();
  }

  #placeNames() {
    const { plot } = this;
    const taken = [];
    const stops = this.route.map((index) => plot.place(index));
    for (const { x, y, node } of this.labels) {
      let [px, py] = plot.toPixels(x, y);
      // Two names never lie on one another: the later one gives way downwards.
      for (const [ox, oy] of taken) {
        if (Math.abs(ox - px) < 90 && Math.abs(oy - py) < 24) py = oy + 24;
      }
      // Nor on a stop of the journey: it stands above that.
      for (const [sx, sy] of stops) {
        if (Math.abs(sx - px) < 48 && Math.abs(sy - py) < 18) py = sy - 22;
      }
      taken.push([px, py]);
      const outside = px < 0 || py < 0 || px > plot.width || py > plot.height;
      node.hidden = outside;
      const half = node.offsetWidth / 2 + 4;
      const inside = Math.min(plot.width - half, Math.max(half, px));
      node.style.transform = `translate(${inside}px, ${py}px) translate(-50%, -50%)`;
    }
  }
}

function median(values) {
  values.sort((a, b) => a - b);
  return values[values.length >> 1];
}
