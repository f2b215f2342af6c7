// The reconnection, the heartbeat, and the queue of the workspace contract's documentation, copied from there into one function. The differences are:
// - The two `ws.onopen` handlers are combined, as a front end that uses both has to do.
// - The heartbeat interval is a parameter.
// - `onSocket` receives each new socket.

export function page(token, { heartbeat = 30000, onSocket = () => {} } = {}) {
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
    onSocket(ws);
  }

  function sendMessage(message) {
    if (ws.readyState === WebSocket.OPEN) {
      ws.send(JSON.stringify(message));
    } else {
      messageQueue.push(message);
    }
  }

  const timer = setInterval(() => {
    if (ws.readyState === WebSocket.OPEN) {
      ws.send(JSON.stringify({ type: "ping" }));
    }
  }, heartbeat);

  const close = () => {
    clearInterval(timer);
    reconnectAttempts = maxReconnectAttempts;
    ws.close();
  };
  return { connect, sendMessage, close };
}
