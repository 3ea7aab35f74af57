// Paints points straight into pixels, and answers which point lies where.
//
// Twenty thousand translucent dots, drawn one over the other in any order of colours, cost the
// canvas' own paths far more than a blend of small masks in one buffer; nothing is drawn
// unless something changed.

const LEVELS = 12; // steps of confidence told apart
const SHIFTS = 2; // half pixels, so that panning does not shiver
const MOST_ZOOM = 60;

/** Points as the server sends them, as columns that can be drawn. */
export function columns(answer) {
  const placed = [...answer.ids.keys()].filter(
    (i) => answer.valence[i] !== null && answer.energy[i] !== null,
  );
  const floats = (values, otherwise) =>
    Float32Array.from(placed, (i) => (values[i] ?? otherwise) / 1000);
  return {
    ids: placed.map((i) => answer.ids[i]),
    x: floats(answer.valence),
    y: floats(answer.energy),
    // No mood is drawn in the last colour, grey; no confidence, faintly.
    mood: Int16Array.from(placed, (i) =>
      answer.mood[i] < 0 ? answer.moods.length : answer.mood[i],
    ),
    confidence: floats(answer.confidence, 300),
  };
}

export class Plot {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.margin = { x: 32, y: 32 }; // room around the points, px
    this.back = "grey"; // how points that stand back are drawn: grey, or in their own colour
    this.context = canvas.getContext("2d", { alpha: false });
    this.n = 0;
    this.width = this.height = 0;
    this.zoom = 1;
    this.centre = [0.5, 0.5];
    this.domain = { left: 0, right: 1, bottom: 0, top: 1 };
    this.colours = [[128, 128, 128]];
    this.paper = [255, 255, 255];
    this.shown = null; // 1 where a point takes part, 0 where it stands back
  }

  /** Columns of equal length: ids, x and y from 0 to 1, index of colour, confidence. */
  setPoints({ ids, x, y, mood, confidence }) {
    Object.assign(this, { ids, x, y, mood, confidence, n: ids.length, shown: null });
    this.at = new Map();
    for (let i = 0; i < this.n; i++) this.at.set(ids[i], i);
    this.domain = extent(x, y);
  }

  setColours(colours, paper) {
    this.colours = colours;
    this.paper = paper;
  }

  /** Take the size of the element, in device pixels. */
  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    if (clientWidth === this.width && clientHeight === this.height && ratio === this.ratio)
      return false;
    Object.assign(this, { width: clientWidth, height: clientHeight, ratio });
    // The words of the axes stand in the margin; a phone has no room for that.
    this.margin = { x: clientWidth < 700 ? 22 : 68, y: 36 };
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.words = new Uint32Array(this.image.data.buffer);
    return true;
  }

  /** Radius of a dot in px: smaller where there are many, larger where one looks closely. */
  get radius() {
    const each = (this.width * this.height) / Math.max(1, this.n);
    const base = Math.min(8, Math.max(1.5, 0.42 * Math.sqrt(each)));
    return Math.min(Math.max(9, base), base * (1 + 0.3 * Math.log2(this.zoom)));
  }

  /** Where x and y stand, in px: [offset, factor] of each. */
  frame() {
    const { domain, margin, zoom, width, height } = this;
    const wide = ((width - 2 * margin.x) * zoom) / (domain.right - domain.left);
    const tall = ((height - 2 * margin.y) * zoom) / (domain.top - domain.bottom);
    const middle_x = domain.left + this.centre[0] * (domain.right - domain.left);
    const middle_y = domain.bottom + this.centre[1] * (domain.top - domain.bottom);
    return {
      x0: width / 2 - middle_x * wide,
      kx: wide,
      y0: height / 2 + middle_y * tall,
      ky: -tall,
    };
  }

  /** Place of one point in px. */
  place(index) {
    return this.toPixels(this.x[index], this.y[index]);
  }

  toPixels(x, y) {
    const { x0, kx, y0, ky } = this.frame();
    return [x0 + kx * x, y0 + ky * y];
  }

  /** Zoom by a factor, keeping what lies under a place (px) where it is. */
  zoomAt(factor, px = this.width / 2, py = this.height / 2) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    const wide = this.width - 2 * this.margin.x;
    const tall = this.height - 2 * this.margin.y;
    const change = 1 / this.zoom - 1 / zoom;
    this.centre[0] += ((px - this.width / 2) / wide) * change;
    this.centre[1] -= ((py - this.height / 2) / tall) * change;
    this.zoom = zoom;
    this.hold();
  }

  /** Move by px. */
  pan(dx, dy) {
    this.centre[0] -= dx / ((this.width - 2 * this.margin.x) * this.zoom);
    this.centre[1] += dy / ((this.height - 2 * this.margin.y) * this.zoom);
    this.hold();
  }

  reset() {
    this.zoom = 1;
    this.centre = [0.5, 0.5];
  }

  /** Keep the points in sight. */
  hold() {
    const room = 0.5 / this.zoom;
    this.centre = this.centre.map((at) => Math.min(1 - room, Math.max(room, at)));
  }

  /** Bring a point into sight if it is not. */
  reveal(index) {
    const [px, py] = this.place(index);
    const edge = 40;
    const dx = Math.max(edge - px, 0) - Math.max(px - (this.width - edge), 0);
    const dy = Math.max(edge - py, 0) - Math.max(py - (this.height - edge), 0);
    if (dx || dy) this.pan(dx, dy);
    return Boolean(dx || dy);
  }

  /** The nearest point that takes part, within a distance in px; −1 where there is none.
   *
   * A look at every point: 20,000 take a tenth of a millisecond, less than a tree would save.
   */
  nearest(px, py, within = 18, accept = null) {
    const { x0, kx, y0, ky } = this.frame();
    let best = within * within;
    let found = -1;
    for (let i = 0; i < this.n; i++) {
      const dx = x0 + kx * this.x[i] - px;
      const dy = y0 + ky * this.y[i] - py;
      const far = dx * dx + dy * dy;
      if (far < best && (!this.shown || this.shown[i]) && (!accept || accept(i, dx, dy))) {
        best = far;
        found = i;
      }
    }
    return found;
  }

  /** The neighbour in a direction (unit vector, px): near, and rather ahead than aside. */
  neighbour(from, [ux, uy]) {
    const [px, py] = this.place(from);
    const { x0, kx, y0, ky } = this.frame();
    let best = Infinity;
    let found = -1;
    for (let i = 0; i < this.n; i++) {
      if (i === from || (this.shown && !this.shown[i])) continue;
      const dx = x0 + kx * this.x[i] - px;
      const dy = y0 + ky * this.y[i] - py;
      const ahead = dx * ux + dy * uy;
      const aside = Math.abs(dx * uy - dy * ux);
      if (ahead <= 0.01 || aside > 1.2 * ahead) continue;
      const far = ahead + 2 * aside;
      if (far < best) {
        best = far;
        found = i;
      }
    }
    return found;
  }

  /** Points in sight that take part; null where there are more than `most`. */
  inSight(most) {
    const found = [];
    const { x0, kx, y0, ky } = this.frame();
    for (let i = 0; i < this.n; i++) {
      const px = x0 + kx * this.x[i];
      const py = y0 + ky * this.y[i];
      if (px < 0 || py < 0 || px > this.width || py > this.height || (this.shown && !this.shown[i]))
        continue;
      if (found.push(i) > most) return null;
    }
    return found;
  }

  /** Points within a closed line of px: even–odd rule. */
  within(line) {
    const inside = [];
    for (let i = 0; i < this.n; i++) {
      if (this.shown && !this.shown[i]) continue;
      const [px, py] = this.place(i);
      let odd = false;
      for (let a = 0, b = line.length - 1; a < line.length; b = a++) {
        const [ax, ay] = line[a];
        const [bx, by] = line[b];
        if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) odd = !odd;
      }
      if (odd) inside.push(i);
    }
    return inside;
  }

  /** Paint all of it. */
  draw() {
    if (!this.image) return;
    const [red, green, blue] = this.paper;
    this.words.fill(((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0);
    if (this.n) {
      if (this.shown) this.blend(0);
      this.blend(1);
    }
    this.context.putImageData(this.image, 0, 0);
  }

  blend(kind) {
    const { x, y, mood, confidence, shown, ratio, colours } = this;
    const few = this.n / this.zoom ** 2 < 400;
    const masks = dotMasks((kind ? this.radius : Math.min(this.radius, 3)) * ratio, few);
    const { x0, kx, y0, ky } = this.frame();
    const { width, height } = this.canvas;
    const data = this.image.data;
    const grey = this.paper[0] > 128 ? [150, 146, 138] : [120, 126, 138];
    const { size, middle } = masks;
    for (let i = 0; i < this.n; i++) {
      if (shown && shown[i] !== kind) continue;
      const left = (x0 + kx * x[i]) * ratio - middle;
      const top = (y0 + ky * y[i]) * ratio - middle;
      const column = Math.floor(left);
      const row = Math.floor(top);
      // Out of sight.
      if (column < 0 || row < 0 || column + size > width || row + size > height) continue;
      const shift = (((top - row) * SHIFTS) | 0) * SHIFTS + (((left - column) * SHIFTS) | 0);
      const level = kind ? Math.min(LEVELS - 1, Math.max(0, (confidence[i] * LEVELS) | 0)) : 0;
      const mask = masks.levels[level][shift];
      const colour =
        kind || this.back !== "grey" ? (colours[mood[i]] ?? colours[colours.length - 1]) : grey;
      const [red, green, blue] = colour;
      let from = 0;
      let to = (row * width + column) * 4;
      const skip = (width - size) * 4;
      for (let r = 0; r < size; r++) {
        for (let c = 0; c < size; c++) {
          const a = mask[from++];
          if (a) {
            data[to] += ((red - data[to]) * a) >> 8;
            data[to + 1] += ((green - data[to + 1]) * a) >> 8;
            data[to + 2] += ((blue - data[to + 2]) * a) >> 8;
          }
          to += 4;
        }
        to += skip;
      }
    }
  }
}

const kept = new Map();

/** Soft discs by level of confidence and by half pixel; opacity 0–256. */
function dotMasks(radius, few) {
  const key = `${radius.toFixed(2)}/${few}`;
  if (kept.has(key)) return kept.get(key);
  if (kept.size > 60) kept.clear();
  const size = Math.ceil(2 * radius + 2);
  const middle = size / 2 - 0.25;
  const faintest = few ? 0.55 : 0.16;
  const levels = Array.from({ length: LEVELS }, (_, level) => {
    const sure = Math.min(1, Math.max(0, ((level + 0.5) / LEVELS - 0.25) / 0.6));
    const opacity = faintest + (0.94 - faintest) * sure;
    return Array.from({ length: SHIFTS * SHIFTS }, (_, shift) => {
      const mask = new Uint16Array(size * size);
      const cx = middle + (shift % SHIFTS) / SHIFTS + 0.25;
      const cy = middle + Math.floor(shift / SHIFTS) / SHIFTS + 0.25;
      for (let r = 0; r < size; r++) {
        for (let c = 0; c < size; c++) {
          const cover = radius + 0.5 - Math.hypot(c + 0.5 - cx, r + 0.5 - cy);
          mask[r * size + c] = Math.round(256 * opacity * Math.min(1, Math.max(0, cover)));
        }
      }
      return mask;
    });
  });
  kept.set(key, { size, middle, levels });
  return kept.get(key);
}

/** What the map shows when nobody has zoomed: all but the outermost few, with some air. */
function extent(x, y) {
  const range = (values) => {
    if (!values.length) return [0, 1];
    const sorted = Float32Array.from(values).sort();
    const rank = (share) => sorted[Math.round(share * (sorted.length - 1))];
    const [low, high] = sorted.length > 1000 ? [rank(0.002), rank(0.998)] : [rank(0), rank(1)];
    const air = Math.max(0.04 * (high - low), (0.3 - (high - low)) / 2, 0.01);
    return [low - air, high + air];
  };
  const [left, right] = range(x);
  const [bottom, top] = range(y);
  return { left, right, bottom, top };
}
