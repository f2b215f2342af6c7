import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.js";
import "./style.css";

function App() {
  // sessionStorage belongs to one tab, so that two tabs can be two users.
  const [{ token, error }, setLogin] = useState({ token: sessionStorage.token });
  const [screen, setScreen] = useState(null);
  useEffect(() => {
    if (!token) return;
    sessionStorage.token = token;
    try {
      const show = (chat) => setScreen({ chat, ...chat.state });
      return new Chat(token, show, (reason) => setLogin({ error: reason })).close;
    } catch {
      setLogin({ error: "This is not a token." });
    }
  }, [token]);
  if (token && screen) return <Screen {...screen} />;
  return <main className="login"><h1>Chat</h1><Field label="Token" onSubmit={(text) => setLogin({ token: text })} /><p role="alert">{error}</p></main>;
}

function Screen({ chat, status, rooms, room, members, messages, online, typing }) {
  const name = (id) => members.find((member) => member.id === id)?.name || id;
  return (
    <div className="screen">
      <nav>
        {rooms.map((one) => <button key={one.id} aria-current={one.id === room?.id} onClick={() => chat.run(() => chat.open(one))}>{one.name}</button>)}
        <Field label="New room" onSubmit={(text) => chat.run(() => chat.createRoom(text))} />
      </nav>
      {room && <main>
        <header>
          <h1>{room.name}</h1>
          {members.map(({ id }) => <span key={id} className={online.includes(id) ? "online" : "offline"}>{name(id)}</span>)}
          <Field label="Invite a user id" onSubmit={(text) => chat.run(() => chat.invite(text))} />
        </header>
        <div className="log"><ol>{messages.map((message) => <Message key={message.clientId ?? message.id} me={chat.me} {...message} />)}</ol></div>
        <p role="status">{status || (typing.length > 0 && `${typing.map(name).join(", ")} typing …`)}</p>
        <Field label="Message" onChange={() => chat.type()} onSubmit={(text) => chat.run(() => chat.send(text))} />
      </main>}
    </div>
  );
}

function Message({ id, senderId, sender, content, error, me }) {
  return (
    <li className={`${String(senderId) === me ? "mine" : "theirs"} ${id ? "stored" : "draft"}`}>
      <small>{sender?.name}</small> {content} {error && <small role="alert">{error}</small>}
    </li>
  );
}

// A form of one field. React clears the field after the action, so the action does not wait for the server.
function Field({ label, onSubmit, onChange }) {
  const submit = (data) => void onSubmit(data.get("text").trim());
  return <form action={submit}><input name="text" placeholder={label} aria-label={label} autoComplete="off" required onChange={onChange} /></form>;
}

createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>);
