// Answers as rows, and as files to keep.

const COLUMNS = ["study_id", "reader", "part", "trial", "position", "left_synthetic", "right_synthetic",
  "quality_sufficient", "class", "confidence", "response_ms", "answered_at"];

const answerKey = (part, trial) => `${part}/${trial}`;

/** A row with every column; null where a column does not apply. */
function makeAnswer(session, part, position, values, milliseconds) {
  const row = Object.fromEntries(COLUMNS.map((column) => [column, null]));
  return Object.assign(row, values, {
    study_id: STUDY.study_id, reader: session.reader, part: part.id, trial: part.trials[position - 1].id,
    position, response_ms: Math.round(milliseconds), answered_at: new Date().toISOString(),
  });
}

function csvField(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function answersCsv(answers) {
  const rows = answers.map((answer) => COLUMNS.map((column) => csvField(answer[column])).join(","));
  return [COLUMNS.join(","), ...rows].join("\n") + "\n";
}

function answersJson(session) {
  const text = {schema: "medisyn.reader_answers/1", study_id: STUDY.study_id, reader: session.reader,
    answers: session.rows()};
  return JSON.stringify(text, null, 1) + "\n";
}

function download(session, kind) {
  const text = kind === "csv" ? answersCsv(session.rows()) : answersJson(session);
  const type = kind === "csv" ? "text/csv" : "application/json";
  const address = URL.createObjectURL(new Blob([text], {type}));
  const link = el("a", {href: address, download: `answers_${STUDY.study_id}_${session.reader}.${kind}`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

const downloadButtons = (session) => [
  el("button", {type: "button", id: "csv", onclick: () => download(session, "csv")}, "Save answers as CSV"),
  el("button", {type: "button", id: "json", onclick: () => download(session, "json")}, "Save answers as JSON"),
];
