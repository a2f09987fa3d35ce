// What a reader has answered, and the two places where that is kept: this browser, or the server.

/** Another device has answered in the meantime. */
class WentOnElsewhere extends Error {}

class Session {
  constructor(reader, store) {
    this.reader = reader;
    this.store = store;
    this.answers = new Map();
    this.consented = false;
  }

  async load() {
    const kept = await this.store.load(this.reader);
    this.reader = kept.reader;
    this.answers = new Map(kept.answers.map((answer) => [answerKey(answer.part, answer.trial), answer]));
    this.consented = kept.consented || this.answers.size > 0;
  }

  async save(answer) {
    await this.store.save(answer, this);
    this.answers.set(answerKey(answer.part, answer.trial), answer);
  }

  consent() {
    this.consented = true;
    this.store.saveConsent(this);
  }

  rows() {
    return STUDY.parts.flatMap((part) => part.trials.map((trial) => this.answerOf(part, trial))).filter(Boolean);
  }

  answerOf(part, trial) {
    return this.answers.get(answerKey(part.id, trial.id));
  }

  firstOpen(part) {
    const index = part.trials.findIndex((trial) => !this.answerOf(part, trial));
    return index < 0 ? part.trials.length : index;
  }
}

/** Answers in localStorage, by study and reader. */
class BrowserStore {
  key(reader) {
    return `medisyn.reader_study/${STUDY.study_id}/${reader}`;
  }

  static works() {
    try {
      localStorage.setItem("medisyn.reader_study/works", "1");
      return localStorage.getItem("medisyn.reader_study/works") === "1";
    } catch {
      return false;
    }
  }

  load(reader) {
    const text = BrowserStore.works() ? localStorage.getItem(this.key(reader)) : null;
    const kept = text ? JSON.parse(text) : {answers: [], consented: false};
    return {reader, ...kept};
  }

  /** Another window of this browser may have gone on: what it kept stays. */
  save(answer, session) {
    const kept = this.load(session.reader).answers;
    const isThis = (row) => row.part === answer.part && row.trial === answer.trial;
    if (!STUDY.allow_back && kept.some(isThis)) {
      throw new WentOnElsewhere();
    }
    const rows = new Map([...kept, ...session.rows(), answer].map((row) => [answerKey(row.part, row.trial), row]));
    this.write(session, [...rows.values()]);
  }

  saveConsent(session) {
    this.write(session, session.rows());
  }

  write(session, answers) {
    try {
      localStorage.setItem(this.key(session.reader), JSON.stringify({answers, consented: session.consented}));
      localStorage.setItem(this.key(""), session.reader);
    } catch {
      say("This browser keeps no data: save your answers (Help) before you close this page.");
    }
  }

  lastReader() {
    return (BrowserStore.works() && localStorage.getItem(this.key(""))) || "";
  }
}

/** Answers at the server behind this reader's link. */
class ServerStore {
  async load() {
    const reply = await this.ask(() => fetch("answers", {cache: "no-store"}));
    return {...(await reply.json()), consented: false};
  }

  async save(answer) {
    const request = {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(answer)};
    await this.ask(() => fetch("answers", request));
  }

  saveConsent() {}

  /** Asks again until the server has answered: no answer is passed over in silence. */
  async ask(request) {
    for (;;) {
      const reply = await request().catch(() => null);
      if (reply && reply.ok) {
        say("");
        return reply;
      }
      if (reply && reply.status === 409) {
        throw new WentOnElsewhere();
      }
      if (reply && reply.status < 500 && reply.status !== 429) {
        throw new Error(`The server refused (${reply.status}): ${await reply.text()}`);
      }
      say("Not saved yet: no connection to the study's server. Trying again; please keep this page open.");
      await pause(2000);
    }
  }
}
