// Shows the events of the user `dev` as they arrive over a raw WebSocket.

const MOST_EVENTS = 20;
const RETRY_MS = 2000;
const { token, proof } = document.getElementById("live").dataset;
const [state, button, events] = ["state", "send", "events"].map((id) => document.getElementById(id));

function connect() {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/ws/connect?token=${encodeURIComponent(token)}`);
  socket.onmessage = ({ data }) => {
    const { type, data: content, timestamp } = JSON.parse(data);
    if (type === "connected") {
      state.textContent = "connected";
      button.disabled = false;
    } else {
      show(type, content, timestamp);
    }
  };
  socket.onclose = () => {
    state.textContent = "not connected, trying again …";
    button.disabled = true;
    setTimeout(connect, RETRY_MS);
  };
}

function show(type, content, timestamp) {
  const entry = document.createElement("li");
  const name = document.createElement("strong");
  const body = document.createElement("code");
  const time = document.createElement("span");
  name.textContent = type;
  body.textContent = JSON.stringify(content);
  time.textContent = ` ${new Date(timestamp).toLocaleTimeString()} `;
  time.className = "muted";
  entry.append(name, time, body);
  events.prepend(entry);
  while (events.children.length > MOST_EVENTS) events.lastChild.remove();
}

button.addEventListener("click", async () => {
  const response = await fetch("/", { method: "POST", headers: { "X-Page": proof } });
  if (!response.ok) state.textContent = (await response.json()).error;
});

connect();
