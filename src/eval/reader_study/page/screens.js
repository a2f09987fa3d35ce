// Screens of text, progress and help.

/** Title, paragraphs and one button; resolves when it is pressed. */
function showText(name, title, texts, button, ...more) {
  return new Promise((resolve) => {
    show(name, el("section", {class: "text"}, el("h1", {}, title), ...paragraphs(texts), ...more,
      el("div", {class: "buttons"}, el("button", {type: "button", class: "main", id: "next", onclick: resolve}, button))));
  });
}

/** The code of a reader; files hold nothing else about a person. */
function askReader(proposed) {
  return new Promise((resolve) => {
    const input = el("input", {type: "text", id: "reader", value: proposed, autocomplete: "off", spellcheck: "false",
      maxlength: "32", "aria-describedby": "reader-wrong"});
    const wrong = el("p", {class: "wrong", id: "reader-wrong", role: "alert"});
    const submit = (event) => {
      event.preventDefault();
      const code = input.value.trim();
      if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(code)) {
        resolve(code);
      } else {
        wrong.textContent = "Please type the code that you were given: letters, digits, dot, dash and underscore.";
        input.focus();
      }
    };
    show("reader", el("section", {class: "text"}, el("h1", {}, STUDY.title),
      el("p", {}, "Your answers are kept in this browser until you save them as a file at the end. You can close the page " +
        "and go on later in the same browser."),
      ...(BrowserStore.works() ? [] : [el("p", {class: "wrong"}, "This browser keeps no data (a private window?): please " +
        "answer everything before you close the page.")]),
      el("form", {onsubmit: submit, novalidate: true}, el("label", {class: "field", for: "reader"}, "Your reader code"), input,
        wrong, el("div", {class: "buttons"}, el("button", {class: "main", id: "next"}, "Continue")))));
    input.focus();
  });
}

function askConsent() {
  if (STUDY.consent.length === 0) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const box = el("input", {type: "checkbox", id: "agree"});
    const wrong = el("p", {class: "wrong", role: "alert"});
    const goOn = () => {
      if (box.checked) {
        resolve();
      } else {
        wrong.textContent = "Please tick the box to take part, or close this page.";
        box.focus();
      }
    };
    show("consent", el("section", {class: "text"}, el("h1", {}, "Consent"), ...paragraphs(STUDY.consent),
      el("label", {class: "agree"}, box, "I have read this and agree to take part."), wrong,
      el("div", {class: "buttons"}, el("button", {type: "button", class: "main", id: "next", onclick: goOn}, "Continue"))));
  });
}

const totalTrials = () => STUDY.parts.reduce((sum, part) => sum + part.trials.length, 0);

function showWelcomeBack(session) {
  return showText("welcome-back", "Welcome back",
    [`${session.answers.size} of ${totalTrials()} answers are saved. You go on where you stopped.`], "Go on");
}

function showPartStart(part, number) {
  const training = part.training.length === 0 ? [] : [`First come ${counted(part.training.length, "training image")} with ` +
    "feedback; those answers are not kept."];
  return showText("part", `Part ${number} of ${STUDY.parts.length}: ${part.title}`, [...part.instructions, ...training],
    part.training.length > 0 ? "Start training" : "Start");
}

function showTrainingDone(part) {
  const texts = [`Now ${counted(part.trials.length, part.kind === "pairs" ? "pair" : "image")} follow without feedback.`,
    STUDY.allow_back ? "You can go back to earlier answers." : "You cannot go back to an earlier answer."];
  return showText("training-done", "The training is done", texts, "Start");
}

const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

function showThanks(session, served) {
  showProgress(session, "");
  const where = served ? "All your answers are saved at the study's server. You can close this page."
    : "Please save your answers now and send the CSV file to the people who run this study.";
  show("thanks", el("section", {class: "text"}, el("h1", {}, "Thank you"),
    el("p", {}, `You have answered all ${totalTrials()} questions. ${where}`),
    el("div", {class: "buttons"}, ...downloadButtons(session),
      ...(served ? [] : [el("button", {type: "button", id: "another", onclick: () => location.reload()},
        "Another reader")]))));
  if (!served) {
    byId("csv").classList.add("main");
  }
}

function showProgress(session, text) {
  byId("progress").hidden = false;
  byId("count").textContent = text;
  byId("bar").value = session.answers.size / Math.max(1, totalTrials());
}

/** Instructions and keys again, at any moment. */
function openHelp(part, session) {
  const keys = [...questionOf(part).KEYS, ["Enter", "Next"], ["+ \u2212", "Zoom; also the wheel or two fingers"],
    ["Shift + arrows", "Move the zoomed image; also by dragging"], ["0", "Reset the view"]];
  const rows = keys.map(([key, what]) => el("tr", {}, el("td", {}, el("kbd", {}, key)), el("td", {}, what)));
  const dialog = byId("dialog");
  dialog.replaceChildren(el("h1", {id: "dialog-title"}, part.title), ...paragraphs(part.instructions), el("h2", {}, "Keys"),
    el("table", {class: "keys"}, el("tbody", {}, ...rows)), el("div", {class: "buttons"},
      el("button", {type: "button", class: "main", onclick: () => dialog.close()}, "Close"), ...downloadButtons(session)));
  dialog.showModal();
}
