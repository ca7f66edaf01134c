// k6: each of 20 users opens a WebSocket ten times, sends a text and waits for its echo.
import { check } from "k6";
import ws from "k6/ws";

export const options = { vus: 20, iterations: 200 };

export default function () {
  const answer = ws.connect(__ENV.WEBSOCKET_URL, {}, (socket) => {
    const text = `${__VU} ${__ITER}`;
    socket.on("open", () => socket.send(text));
    socket.on("message", (data) => {
      check(data, { "is echoed": (data) => data === text });
      socket.close();
    });
    socket.setTimeout(() => socket.close(), 10_000);
  });
  check(answer, { "is accepted": (answer) => answer && answer.status === 101 });
}
