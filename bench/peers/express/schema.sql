CREATE TABLE chat_rooms (
  id serial PRIMARY KEY,
  name text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE chat_members (
  room_id integer NOT NULL REFERENCES chat_rooms ON DELETE CASCADE,
  user_id text NOT NULL,
  joined_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (room_id, user_id)
);

CREATE TABLE chat_messages (
  id bigserial PRIMARY KEY,
  room_id integer NOT NULL REFERENCES chat_rooms ON DELETE CASCADE,
  sender_id text NOT NULL,
  content text NOT NULL,
  type text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX chat_messages_in_a_room ON chat_messages (room_id, id);
