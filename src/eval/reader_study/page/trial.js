// One trial on the screen: question, images, actions and keys.

/** Milliseconds since the images were shown, without those when the page was hidden (another tab, a lock screen). */
class Stopwatch {
  constructor() {
    this.total = 0;
    this.since = performance.now();
    this.listener = () => this.pauseOrGoOn();
    document.addEventListener("visibilitychange", this.listener);
  }

  pauseOrGoOn() {
    if (document.hidden) {
      this.total += performance.now() - this.since;
    }
    this.since = performance.now();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.listener);
    return document.hidden ? this.total : this.total + performance.now() - this.since;
  }
}

/** The images of a trial. One that cannot be loaded is asked for again when the reader says so. */
async function loadImages(files) {
  for (;;) {
    try {
      return await Promise.all(files.map(loadImage));
    } catch {
      await showText("image-missing", "An image could not be loaded",
        ["Check the connection, or that the folder of the study is complete, and try again."], "Try again");
    }
  }
}

const keyHint = (key) => el("kbd", {"aria-hidden": "true"}, key);

/** Resolves to {values, milliseconds}, or to {back: true}. */
async function askTrial({name, part, trial, heading, previous, hasBack, feedback}) {
  const kind = questionOf(part);
  const question = new kind(await loadImages(kind.files(trial)), previous);
  const hint = el("p", {class: "hint", id: "hint", "aria-live": "polite"}, kind.HINT);
  const next = el("button", {type: "button", class: "main", id: "next", "aria-keyshortcuts": "Enter"},
    feedback ? "Check " : "Next ", keyHint("Enter"));
  const back = el("button", {type: "button", id: "back"}, "Back");
  const actions = el("div", {class: "actions"}, ...(hasBack ? [back] : []), hint, next);
  show(name, el("section", {class: "trial", "aria-label": heading},
    el("div", {class: "question"}, el("h1", {}, kind.HEADING), question.tools.element), question.element, actions));
  const stopwatch = new Stopwatch();
  return new Promise((resolve) => {
    const leave = (result) => {
      stopwatch.stop();
      document.onkeydown = null;
      resolve(result);
    };
    const answer = () => {
      const missing = question.missing();
      if (missing.length > 0) {
        hint.classList.add("wrong");
        hint.textContent = `Still open: ${missing.join(" ")}`;
        return;
      }
      const result = {values: question.values(), milliseconds: stopwatch.stop()};
      next.disabled = true;
      if (feedback) {
        showFeedback(question, actions, feedback, () => leave(result));
      } else {
        leave(result);
      }
    };
    next.onclick = answer;
    back.onclick = () => leave({back: true});
    document.onkeydown = (event) => onTrialKey(event, question, () => byId("next").click());
  });
}

/** Enter goes on, also from a marked image or a chosen answer: there, the space bar presses. */
function onTrialKey(event, question, goOn) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("dialog").open) {
    return;
  }
  const isChoice = event.target.matches(".choice .name, input[type=radio]");
  const isSlider = event.target.matches("input[type=range]");
  if (event.key === "Enter" && (isChoice || !event.target.matches("button"))) {
    if (!event.repeat) {
      goOn();
    }
  } else if (isSlider && event.key.startsWith("Arrow")) {
    return;
  } else if (event.key === "?") {
    byId("help").click();
  } else if (!question.tools.key(event) && (byId("next").disabled || !question.key(event))) {
    return;
  }
  event.preventDefault();
}

/** After a training trial: what was to be seen. */
function showFeedback(question, actions, text, goOn) {
  question.freeze();
  const next = el("button", {type: "button", class: "main", id: "next", onclick: goOn}, "Continue ", keyHint("Enter"));
  actions.replaceChildren(el("p", {class: "feedback", role: "status"}, text), next);
  next.focus();
}
