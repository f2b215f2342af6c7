// The chat client of the workspace contract's documentation, copied from there. Only the export is added.

export class ChatClient {
  constructor(token) {
    this.token = token;
    this.ws = null;
    this.handlers = {};
  }
  
  connect() {
    this.ws = new WebSocket(
      `ws://localhost:8000/api/v1/ws/connect?token=${this.token}`
    );
    
    this.ws.onmessage = (event) => {
      const message = JSON.parse(event.data);
      const handler = this.handlers[message.type];
      if (handler) handler(message);
    };
  }
  
  on(eventType, handler) {
    this.handlers[eventType] = handler;
  }
  
  joinRoom(room) {
    this.send({ type: "join_room", room });
  }
  
  sendMessage(room, content) {
    this.send({
      type: "send_message",
      room,
      data: { content }
    });
  }
  
  send(message) {
    this.ws.send(JSON.stringify(message));
  }
}
