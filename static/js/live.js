// Keeps progress up to date: an element with data-live="/ws/…" follows that WebSocket. Each message is a whole state;
// what stands in it is written to the [data-live-field] of the same name (`counts.passed`) below the element. A list is
// made into rows by <template data-live-rows="name" data-into="id of a tbody">, the newest on top; in it data-live-href
// is an address with {fields}, and data-live-class has the field's text as a class too. After the final message the page
// is loaded again, for what it says besides. Without a connection the page is loaded again now and then.

const PAUSE = 500; // milliseconds before the first new try, doubled with each
const TRIES = 5;
const REFRESH = 3000;
const ROWS = 50;
const SNAPSHOT = "snapshot"; // holds the newest rows, of which some may be there; other messages hold those since

function show(element, state) {
  for (const field of element.querySelectorAll("[data-live-field]")) {
    const name = field.dataset.liveField;
    const value = name.split(".").reduce((part, key) => part?.[key], state);
    if (name === "progress") {
      progress(field, state);
    } else if (value !== undefined) {
      field.textContent = text(value, name);
    }
  }
  for (const template of element.querySelectorAll("template[data-live-rows]")) {
    rows(template, state);
  }
}

function rows(template, state) {
  const body = document.getElementById(template.dataset.into);
  const listed = state[template.dataset.liveRows];
  if (!body || !listed?.length) {
    return;
  }
  if (state.type === SNAPSHOT) {
    body.replaceChildren();
  }
  body.prepend(...listed.map((item) => row(template, item)).reverse());
  while (body.rows.length > ROWS) {
    body.deleteRow(-1);
  }
}

function row(template, item) {
  const made = template.content.cloneNode(true);
  show(made, item);
  for (const link of made.querySelectorAll("[data-live-href]")) {
    link.href = link.dataset.liveHref.replace(/{(\w+)}/g, (_, name) => encodeURIComponent(item[name]));
  }
  for (const marked of made.querySelectorAll("[data-live-class]")) {
    marked.classList.add(marked.dataset.liveClass, item[marked.dataset.liveField]);
  }
  return made;
}

function text(value, name) {
  if (typeof value === "number") {
    return value.toLocaleString("en");
  }
  return value ?? (name === "total" ? "an unknown number" : "");
}

function progress(bar, { done, total }) {
  if (total) {
    bar.max = total;
    bar.value = Math.min(done, total);
  } else {
    bar.removeAttribute("value");
  }
}

function follow(element, tries = 0) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}${element.dataset.live}`);
  socket.onmessage = (event) => {
    const state = JSON.parse(event.data);
    tries = 0;
    show(element, state);
    if (state.final) {
      location.reload();
    }
  };
  socket.onclose = (event) => {
    if (event.code === 1000 || event.code === 4403 || event.code === 4404) {
      return;
    }
    if (tries < TRIES) {
      setTimeout(() => follow(element, tries + 1), PAUSE * 2 ** tries);
    } else {
      setTimeout(() => location.reload(), REFRESH);
    }
  };
}

for (const element of document.querySelectorAll("[data-live]")) {
  follow(element);
}
