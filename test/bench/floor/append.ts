/**
 * The least that it takes to have records that come over a WebSocket on disk: each frame becomes a row as it is, or rows
 * of so many bytes where that is asked for, and is acknowledged by a frame of its length. Nothing is decoded.
 */
import { DurableObject } from "cloudflare:workers";

export class Append extends DurableObject {
  #rowBytes = Number.POSITIVE_INFINITY;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS frames (n INTEGER PRIMARY KEY, bytes BLOB)");
  }

  override fetch(request: Request): Response {
    const row = new URL(request.url).searchParams.get("row");
    if (row !== null) this.#rowBytes = Number(row);
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** The platform holds the answer until the row is durable. */
  override webSocketMessage(socket: WebSocket, frame: ArrayBuffer | string): void {
    if (typeof frame === "string") return;
    const { sql } = this.ctx.storage;
    for (let at = 0; at < frame.byteLength; at += this.#rowBytes)
      sql.exec("INSERT INTO frames (bytes) VALUES (?)", frame.slice(at, at + this.#rowBytes));
    socket.send(String(frame.byteLength));
  }
}
