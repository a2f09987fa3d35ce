// The two kinds of trial: a pair of images to mark, and an image with three questions. Both have `element`, `tools`,
// values(), missing(), key(event) and freeze().

class PairQuestion {
  static HEADING = "Mark each synthetic image";
  static HINT = "Press an image to mark it. Mark none when both look real.";
  static KEYS = [["\u2190", "Mark the left image, or take the mark away"],
    ["\u2192", "Mark the right image, or take the mark away"]];
  static files = (trial) => [trial.left, trial.right];

  constructor([left, right], previous) {
    this.left = this.choice("Left", left, "\u2190", previous?.left_synthetic);
    this.right = this.choice("Right", right, "\u2192", previous?.right_synthetic);
    this.tools = new ImageTools([this.left.viewer, this.right.viewer]);
    this.element = el("div", {class: "images pair"}, this.left.box, this.right.box);
  }

  /** The image, and under it the button that marks it; a press of the image presses the button. */
  choice(name, image, key, marked) {
    const viewer = new Viewer(image, () => button.click());
    const state = el("span", {class: "state"});
    const button = el("button", {type: "button", class: "name", id: name.toLowerCase(),
      "aria-label": `${name} image: synthetic`, "aria-keyshortcuts": `Arrow${name}`,
      onclick: () => this.mark(choice, !this.isMarked(choice))},
      el("span", {}, `${name} image `, el("kbd", {}, key)), state);
    const choice = {viewer, state, button, box: el("div", {class: "choice"}, viewer.element, button)};
    this.mark(choice, marked === 1);
    return choice;
  }

  isMarked(choice) {
    return choice.button.getAttribute("aria-pressed") === "true";
  }

  mark(choice, marked) {
    choice.button.setAttribute("aria-pressed", String(marked));
    choice.box.classList.toggle("marked", marked);
    choice.state.textContent = marked ? "Marked as synthetic" : "Not marked";
  }

  values() {
    return {left_synthetic: Number(this.isMarked(this.left)), right_synthetic: Number(this.isMarked(this.right))};
  }

  missing() {
    return [];
  }

  key(event) {
    const choice = {ArrowLeft: this.left, ArrowRight: this.right}[event.key];
    choice?.button.click();
    return choice !== undefined;
  }

  freeze() {
    this.left.button.disabled = this.right.button.disabled = true;
  }
}

class SingleQuestion {
  static HEADING = "Look at the image and answer the three questions";
  static HINT = "All three questions need an answer.";
  static KEYS = [["Y N", "Is the quality sufficient?"], ["letter", "Class, by the letter beside it"],
    ["1\u20135", "Confidence"]];
  static files = (trial) => [trial.image];

  constructor([image], previous) {
    const viewer = new Viewer(image);
    viewer.element.setAttribute("role", "img");
    viewer.element.setAttribute("aria-label", "The image to judge");
    this.tools = new ImageTools([viewer]);
    this.groups = [
      this.group("quality_sufficient", "Is the image quality sufficient?",
        [{value: 1, text: "Yes", key: "Y"}, {value: 0, text: "No", key: "N"}]),
      this.group("class", "Which class does it show?", SingleQuestion.classOptions(),
        STUDY.classes.length > 5 ? "list many" : "list"),
      this.group("confidence", "How confident are you in the class?",
        [1, 2, 3, 4, 5].map((value) => ({value, text: "", key: String(value)}))),
    ];
    this.groups[2].fieldset.append(el("p", {class: "ends"}, el("span", {}, "1 = guess"), el("span", {}, "5 = certain")));
    this.element = el("div", {class: "images single"}, viewer.element,
      el("div", {class: "questions"}, ...this.groups.map((group) => group.fieldset)));
    this.groups.forEach((group) => this.choose(group, previous?.[group.name]));
  }

  /** Letters of the alphabet beside the classes; Y and N answer the first question. */
  static classOptions() {
    const letters = "ABCDEFGHIJKLMOPQRSTUVWXZ";
    return STUDY.classes.map((name, i) => ({value: name, text: name, key: letters[i]}));
  }

  group(name, question, options, layout = "") {
    const inputs = options.map((option) => el("input", {type: "radio", name, "aria-keyshortcuts": option.key,
      "aria-label": option.text || option.key, onchange: () => fieldset.classList.remove("missing")}));
    const labels = options.map((option, i) => el("label", {class: "option"}, inputs[i],
      ...(option.key ? [el("kbd", {"aria-hidden": "true"}, option.key)] : []), option.text));
    const fieldset = el("fieldset", {id: name}, el("legend", {}, question),
      el("div", {class: `options ${layout}`}, ...labels));
    return {name, question, options, inputs, fieldset};
  }

  choose(group, value) {
    const i = group.options.findIndex((option) => option.value === value);
    if (i >= 0) {
      group.inputs[i].checked = true;
    }
  }

  value(group) {
    return group.options[group.inputs.findIndex((input) => input.checked)]?.value;
  }

  values() {
    return Object.fromEntries(this.groups.map((group) => [group.name, this.value(group)]));
  }

  missing() {
    const open = this.groups.filter((group) => this.value(group) === undefined);
    this.groups.forEach((group) => group.fieldset.classList.toggle("missing", open.includes(group)));
    open[0]?.inputs[0].focus();
    return open.map((group) => group.question);
  }

  key(event) {
    const key = event.key.toUpperCase();
    for (const group of this.groups) {
      const i = group.options.findIndex((option) => option.key === key);
      if (i >= 0) {
        group.inputs[i].click();
        return true;
      }
    }
    return false;
  }

  freeze() {
    this.groups.forEach((group) => { group.fieldset.disabled = true; });
  }
}

const questionOf = (part) => (part.kind === "pairs" ? PairQuestion : SingleQuestion);
