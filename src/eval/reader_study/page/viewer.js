// Images: loading ahead, zoom and pan with mouse, wheel, touch and keys, brightness and contrast.

const images = new Map();

/** The decoded <img> of a file. Each is loaded once and kept, so that the next trial appears at once. */
function loadImage(file) {
  if (!images.has(file)) {
    const image = el("img", {alt: "", draggable: "false"});
    image.src = file;
    const loaded = image.decode().then(() => image);
    loaded.catch(() => images.delete(file));
    images.set(file, loaded);
  }
  return images.get(file);
}

/** An image within a box; `onpress` is called for a press that was no drag. */
class Viewer {
  static MOST = 8;
  static DRAG = 6;  // pixels that a finger may move within a press

  constructor(image, onpress = () => {}) {
    this.image = image;
    this.element = el("span", {class: "view"}, image);
    this.pointers = new Map();
    this.reset();
    this.element.addEventListener("wheel", (event) => this.wheel(event), {passive: false});
    this.element.addEventListener("pointerdown", (event) => this.press(event));
    this.element.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.element.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    this.element.addEventListener("click", () => this.dragged || onpress());
  }

  reset() {
    Object.assign(this, {scale: 1, x: 0, y: 0, dragged: false});
    this.draw();
  }

  draw() {
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.element.classList.toggle("zoomed", this.scale > 1);
  }

  /** Zooms by a factor; the point (x, y) of the box stays where it is. */
  zoom(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const scale = Math.min(Viewer.MOST, Math.max(1, this.scale * factor));
    const change = scale / this.scale;
    this.scale = scale;
    this.pan(x - change * (x - this.x) - this.x, y - change * (y - this.y) - this.y);
  }

  /** Moves the image; it never leaves the box. */
  pan(dx, dy) {
    const least = (size) => size * (1 - this.scale);
    this.x = Math.min(0, Math.max(least(this.element.clientWidth), this.x + dx));
    this.y = Math.min(0, Math.max(least(this.element.clientHeight), this.y + dy));
    this.draw();
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 400), ...this.inside(event.clientX, event.clientY));
  }

  inside(clientX, clientY) {
    const box = this.element.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  press(event) {
    if (this.pointers.size === 0) {
      Object.assign(this, {dragged: false, travel: 0});
    }
    this.pointers.set(event.pointerId, event);
    this.element.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      return;
    }
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    this.travel += Math.hypot(dx, dy);
    this.dragged = this.dragged || this.travel > Viewer.DRAG;
    const other = [...this.pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (other) {
      this.pinch(before, event, other);
    } else if (this.dragged) {
      this.pan(dx, dy);
    }
  }

  pinch(before, after, other) {
    const distance = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    const [x, y] = this.inside((after.clientX + other.clientX) / 2, (after.clientY + other.clientY) / 2);
    this.zoom(distance(after, other) / Math.max(1, distance(before, other)), x, y);
  }
}

/** Zoom, brightness and contrast of all images of a trial; every trial begins without any change. */
class ImageTools {
  static PAN = 60;  // pixels a key press

  constructor(viewers) {
    this.viewers = viewers;
    this.brightness = this.slider("Brightness", "brightness");
    this.contrast = this.slider("Contrast", "contrast");
    this.element = el("div", {class: "tools", role: "group", "aria-label": "View of the image"},
      this.button("Zoom out", "\u2212", () => this.zoom(1 / 1.5), "-"),
      this.button("Zoom in", "+", () => this.zoom(1.5), "+"),
      this.brightness.label, this.contrast.label,
      el("button", {type: "button", id: "reset-view", onclick: () => this.reset(), "aria-keyshortcuts": "0"},
        "Reset view ", el("kbd", {}, "0")));
    this.reset();
  }

  button(name, sign, onclick, key) {
    return el("button", {type: "button", "aria-label": name, title: `${name} (${key})`, onclick,
      "aria-keyshortcuts": key}, sign);
  }

  slider(name, id) {
    const input = el("input", {type: "range", id, min: "25", max: "250", step: "5", value: "100",
      oninput: () => this.draw()});
    return {input, label: el("label", {}, name, input)};
  }

  draw() {
    const filter = `brightness(${this.brightness.input.value}%) contrast(${this.contrast.input.value}%)`;
    this.viewers.forEach((viewer) => { viewer.image.style.filter = filter; });
  }

  zoom(factor) {
    this.viewers.forEach((viewer) => viewer.zoom(factor));
  }

  reset() {
    this.brightness.input.value = this.contrast.input.value = "100";
    this.viewers.forEach((viewer) => viewer.reset());
    this.draw();
  }

  /** True when the key was one of the view's. */
  key(event) {
    const pans = {ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};
    if (event.shiftKey && pans[event.key]) {
      const [x, y] = pans[event.key];
      this.viewers.forEach((viewer) => viewer.pan(x * ImageTools.PAN, y * ImageTools.PAN));
    } else if (event.key === "+" || event.key === "=") {
      this.zoom(1.5);
    } else if (event.key === "-") {
      this.zoom(1 / 1.5);
    } else if (event.key === "0") {
      this.reset();
    } else {
      return false;
    }
    return true;
  }
}
