"use strict";

// Elements, and the one place where a screen is shown.

/** el("p", {class: "soft"}, "text", child): text is never read as HTML. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== false && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);
const paragraphs = (texts) => texts.map((text) => el("p", {}, text));

/** Shows one screen; its heading is focused, so that a screen reader begins there. */
function show(name, ...content) {
  document.body.dataset.screen = name;
  byId("main").replaceChildren(...content);
  const heading = byId("main").querySelector("h1");
  if (heading) {
    heading.tabIndex = -1;
    heading.focus({preventScroll: true});
  }
  window.scrollTo(0, 0);
}

/** A line over everything, read out by screen readers; "" takes it away. */
function say(text) {
  byId("status").textContent = text;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
