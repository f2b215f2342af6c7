// Automatic reconnection, the heartbeat and the queue of the workspace contract's document, as they stand there, in one page's scope. The two
// `ws.onopen` of the document are one here, as whoever uses both must write it; the heartbeat's interval is the page's to choose, and
// it is told each socket that is made.

export function page(token, { heartbeat = 30000, made = () => {} } = {}) {
  let ws;
  let reconnectAttempts = 0;
  const maxReconnectAttempts = 5;
  const messageQueue = [];

  function connect() {
    ws = new WebSocket(`ws://localhost:8000/api/v1/ws/connect?token=${token}`);
    
    ws.onclose = (event) => {
      if (reconnectAttempts < maxReconnectAttempts) {
        reconnectAttempts++;
        const delay = Math.min(1000 * Math.pow(2, reconnectAttempts), 30000);
        setTimeout(connect, delay);
      }
    };
    
    ws.onopen = () => {
      reconnectAttempts = 0;
      while (messageQueue.length > 0) {
        ws.send(JSON.stringify(messageQueue.shift()));
      }
    };
    made(ws);
  }

  function sendMessage(message) {
    if (ws.readyState === WebSocket.OPEN) {
      ws.send(JSON.stringify(message));
    } else {
      messageQueue.push(message);
    }
  }

  const beating = setInterval(() => {
    if (ws.readyState === WebSocket.OPEN) {
      ws.send(JSON.stringify({ type: "ping" }));
    }
  }, heartbeat);

  const leave = () => {
    clearInterval(beating);
    reconnectAttempts = maxReconnectAttempts;
    ws.close();
  };
  return { connect, sendMessage, leave };
}
