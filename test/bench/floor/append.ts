/**
 * The least that it takes to have records that come over a WebSocket on disk: each frame becomes a row as it is, and is
 * acknowledged by a frame of its length. Nothing is decoded.
 */
import { DurableObject } from "cloudflare:workers";

export class Append extends DurableObject {
  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS frames (n INTEGER PRIMARY KEY, bytes BLOB)");
  }

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** The platform holds the answer until the row is durable. */
  override webSocketMessage(socket: WebSocket, frame: ArrayBuffer | string): void {
    if (typeof frame === "string") return;
    this.ctx.storage.sql.exec("INSERT INTO frames (bytes) VALUES (?)", frame);
    socket.send(String(frame.byteLength));
  }
}
