// The course of the study, from the first screen to the last.

const STUDY = JSON.parse(byId("study").textContent);
const SERVED = document.body.dataset.served === "true";

async function openSession() {
  const store = SERVED ? new ServerStore() : new BrowserStore();
  const reader = SERVED ? "" : await askReader(store.lastReader());
  const session = new Session(reader, store);
  await session.load();
  return session;
}

async function begin(session) {
  if (session.answers.size > 0) {
    await showWelcomeBack(session);
  } else {
    await showText("instructions", STUDY.title, STUDY.instructions, "Continue");
    if (!session.consented) {
      await askConsent();
      session.consent();
    }
  }
}

async function train(part, session) {
  for (const [i, trial] of part.training.entries()) {
    showProgress(session, `Training ${i + 1} of ${part.training.length}`);
    await askTrial({name: `training-${part.kind}`, part, trial, heading: `Training ${i + 1}`,
      feedback: trial.feedback || "Thank you."});
  }
  if (part.training.length > 0) {
    byId("count").textContent = "";
    await showTrainingDone(part);
  }
}

function preload(part, index) {
  for (const trial of part.trials.slice(index, index + 3)) {
    questionOf(part).files(trial).forEach((file) => loadImage(file).catch(() => {}));
  }
}

/** Asks for one trial and saves its answer; returns the index of the next. */
async function runTrial(part, index, session) {
  const heading = `${part.kind === "pairs" ? "Pair" : "Image"} ${index + 1} of ${part.trials.length}`;
  const trial = part.trials[index];
  preload(part, index);
  showProgress(session, heading);
  const result = await askTrial({name: part.kind, part, trial, heading, previous: session.answerOf(part, trial),
    hasBack: STUDY.allow_back && index > 0});
  if (result.back) {
    return index - 1;
  }
  try {
    await session.save(makeAnswer(session, part, index + 1, result.values, result.milliseconds));
    return index + 1;
  } catch (error) {
    if (!(error instanceof WentOnElsewhere)) {
      throw error;
    }
    await session.load();
    await showText("elsewhere", "The study went on elsewhere",
      ["You have answered on another device or in another window in the meantime. This page goes on after the last answer."],
      "Go on");
    return session.firstOpen(part);
  }
}

async function runPart(part, number, session) {
  let index = session.firstOpen(part);
  if (index === part.trials.length) {
    return;
  }
  byId("help").hidden = false;
  byId("help").onclick = () => openHelp(part, session);
  if (index === 0) {
    showProgress(session, "");
    await showPartStart(part, number);
    await train(part, session);
  }
  while (index < part.trials.length) {
    index = await runTrial(part, index, session);
  }
  byId("help").hidden = true;
}

async function run() {
  byId("title").textContent = STUDY.title;
  const session = await openSession();
  if (session.rows().length < totalTrials()) {
    await begin(session);
  }
  for (const [i, part] of STUDY.parts.entries()) {
    await runPart(part, i + 1, session);
  }
  showThanks(session, SERVED);
}

run().catch((error) => showText("error", "The study cannot go on",
  [String(error.message || error), "Answers that were saved are not lost. Please tell the people who run this study."],
  "Load the page again").then(() => location.reload()));
