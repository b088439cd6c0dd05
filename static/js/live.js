// Keeps progress up to date: an element with data-live="/ws/…" follows that WebSocket. Each message is a whole state;
// what stands in it is written to the [data-live-field] of the same name below the element. After the final one the
// page is loaded again, for what it says besides. Without a connection the page is loaded again now and then.

const PAUSE = 500; // milliseconds before the first new try, doubled with each
const TRIES = 5;
const REFRESH = 3000;

function show(element, state) {
  for (const field of element.querySelectorAll("[data-live-field]")) {
    const name = field.dataset.liveField;
    if (name === "progress") {
      progress(field, state);
    } else if (name in state) {
      field.textContent = text(state[name], name);
    }
  }
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
