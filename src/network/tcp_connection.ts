import type { Flow, OutgoingSegment } from "./packets.ts";
import { Gaps } from "./gaps.ts";
import { type Budget, Ring } from "./ring.ts";
import { distance, FLAG, type TcpOptions, type TcpSegment } from "./tcp_segment.ts";

/** Size of each connection's send and receive buffers, in bytes. Powers of two. */
export const SEND_BYTES = 512 * 1024;
export const RECEIVE_BYTES = 512 * 1024;

const WINDOW_SCALE = 7;
const MIN_SEGMENT = 64;
const DEFAULT_SEGMENT = 536;
const [MIN_TIMEOUT_MS, FIRST_TIMEOUT_MS, MAX_TIMEOUT_MS] = [200, 1000, 30_000];
/** Number of unanswered retransmissions after which the guest counts as gone. */
const MAX_RETRIES = 10;
const DUPLICATES_BEFORE_REPEAT = 3;
const TIME_WAIT_MS = 2000;

/** What the stack provides to its connections. */
export interface TcpHost {
  /** Sends a segment to the guest. Returns false if there is no room; the segment then counts as lost. */
  transmit(flow: Flow, segment: OutgoingSegment): boolean;
  /** Whether the outbox has room for `bytes` bytes. If not, calls {@linkcode TcpConnection.output} once it has. */
  hasRoom(bytes: number, connection: TcpConnection): boolean;
  /** Requests a call of {@linkcode TcpConnection.acknowledge} after all received frames are processed. */
  wantsAcknowledgement(connection: TcpConnection): void;
  /** Requests regular calls of {@linkcode TcpConnection.tick} while the connection has a deadline. */
  wantsTicks(connection: TcpConnection): void;
  /** The gateway has accepted the connection. */
  accepted(connection: TcpConnection): void;
  /** The connection is closed. */
  closed(connection: TcpConnection): void;
  /** Returns the maximum segment size (MSS) of the guest's link. */
  maxSegment(flow: Flow): number;
  readonly budget: Budget;
  /** Time of a monotonic clock, in milliseconds. */
  now(): number;
}

/** Events of a connection for its user. */
export interface TcpEvents {
  /** Data has arrived, or the guest sent its FIN. */
  onReadable(): void;
  /** The send buffer has room again. */
  onWritable(): void;
  /** The connection is closed: the guest reset it or stopped answering, or both sides have finished. */
  onClosed(isReset: boolean): void;
}

type Phase = "connecting" | "accepted" | "open" | "time-wait" | "closed";

/**
 * The gateway side of a TCP connection that the guest opens: the state machine of RFC 9293 for a passive open.
 * Congestion control acts only after a loss, since the link is a pipe within one host.
 */
export class TcpConnection {
  readonly flow: Flow;
  readonly #host: TcpHost;
  #events: TcpEvents | undefined;
  #phase: Phase = "connecting";
  /** Data from the guest that is not read yet, and data for the guest that it has not acknowledged. */
  readonly #received: Ring;
  readonly #unacknowledged: Ring;

  /** The guest's initial sequence number (IRS), and the next one expected (RCV.NXT). */
  readonly #guestStart: number;
  #receiveNext: number;
  readonly #gaps = new Gaps();
  #hasReceivedFin = false;
  /** Right edge of the receive window, as last advertised to the guest. */
  #advertisedEdge: number;
  readonly #receiveScale: number | undefined;

  /** The oldest unacknowledged sequence number (SND.UNA), the next to send (SND.NXT), and the highest SND.NXT. */
  #sendUnacknowledged: number;
  #sendNext: number;
  #sendHighest: number;
  #window: number;
  readonly #sendScale: number;
  #windowSequence: number;
  #windowAcknowledgement: number;
  readonly #segmentBytes: number;
  #isEnding = false;
  #isEndAcknowledged = false;

  #congestionWindow = SEND_BYTES;
  #slowStartThreshold = SEND_BYTES;
  #duplicates = 0;
  /** During loss recovery: every acknowledgement below this sequence number triggers the next retransmission. */
  #recoverTo: number | undefined;
  #smoothedMs: number | undefined;
  #deviationMs = 0;
  #timed: { sequence: number; at: number } | undefined;
  #retries = 0;
  #deadline: number | undefined;

  constructor(
    flow: Flow,
    host: TcpHost,
    { syn, options, firstSequence }: { syn: TcpSegment; options: TcpOptions; firstSequence: number },
  ) {
    this.flow = flow;
    this.#host = host;
    this.#received = new Ring(host.budget, RECEIVE_BYTES);
    this.#unacknowledged = new Ring(host.budget, SEND_BYTES);
    this.#guestStart = syn.sequence;
    this.#receiveNext = (syn.sequence + 1) >>> 0;
    this.#advertisedEdge = this.#receiveNext;
    this.#sendUnacknowledged = firstSequence;
    this.#sendNext = firstSequence;
    this.#sendHighest = firstSequence;
    // The window in a SYN is never scaled.
    this.#window = syn.window;
    this.#windowSequence = syn.sequence;
    this.#windowAcknowledgement = firstSequence;
    this.#sendScale = options.windowScale ?? 0;
    this.#receiveScale = options.windowScale === undefined ? undefined : WINDOW_SCALE;
    this.#segmentBytes = Math.max(MIN_SEGMENT, Math.min(options.maxSegment ?? DEFAULT_SEGMENT, host.maxSegment(flow)));
  }

  get isClosed(): boolean {
    return this.#phase === "closed";
  }

  /** Whether the connection is closed, or remains only to answer the guest's retransmissions (TIME-WAIT). */
  get isFinished(): boolean {
    return this.#phase === "closed" || (this.#phase === "time-wait" && this.#received.length === 0);
  }

  get isConnecting(): boolean {
    return this.#phase === "connecting";
  }

  get needsTicks(): boolean {
    return this.#deadline !== undefined;
  }

  // --- called by the user of the connection

  listen(events: TcpEvents): void {
    this.#events = events;
  }

  /** Accepts the guest's connection, once the destination is connected. */
  accept(): void {
    if (this.#phase !== "connecting") return;
    this.#phase = "accepted";
    this.#host.accepted(this);
    this.#sendSyn();
    this.#sendNext = (this.#sendUnacknowledged + 1) >>> 0;
    this.#sendHighest = this.#sendNext;
    this.#timed = { sequence: this.#sendNext, at: this.#host.now() };
    this.#startTimer();
  }

  /** Aborts the connection. The guest sees a reset, or a refused connection if it is not accepted yet. */
  reset(): void {
    if (this.#phase === "closed") return;
    this.#transmit({ flags: FLAG.rst | FLAG.ack, sequence: this.#sendNext });
    this.#close(false);
  }

  /** Drops the connection without sending anything: its SYN was answered in another way. */
  drop(): void {
    this.#close(false);
  }

  /** Returns the guest's data up to the end of the contiguous memory. */
  peek(): Uint8Array<ArrayBuffer> {
    return this.#received.peek();
  }

  /** Whether the guest sent its FIN: no data follows the received data. */
  get hasReceivedFin(): boolean {
    return this.#hasReceivedFin;
  }

  /** Removes `count` bytes of the guest's data from the buffer, which opens the receive window. */
  consume(count: number): void {
    if (this.#phase === "closed") return;
    this.#received.consume(count);
    const opened = distance(this.#windowEdge(), this.#advertisedEdge);
    // Avoid the silly window syndrome: small window updates make the guest send small segments.
    if (opened >= RECEIVE_BYTES / 4) this.#host.wantsAcknowledgement(this);
  }

  /** Returns memory to write data for the guest to; {@linkcode commit} sends it. Empty if no memory is free. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#isEnding || this.isClosed ? new Uint8Array(0) : this.#unacknowledged.space();
  }

  commit(count: number): void {
    if (this.#phase === "closed") return;
    this.#unacknowledged.commit(count);
    this.output();
  }

  /** Sends a FIN after the data that is already committed. */
  end(): void {
    if (this.#isEnding || this.#phase === "closed") return;
    this.#isEnding = true;
    this.output();
  }

  // --- called by the stack

  /** Processes a segment from the guest. */
  input(segment: TcpSegment, bytes: Uint8Array): void {
    if (this.#phase === "closed") return;
    const { flags } = segment;
    if (this.#phase === "connecting") {
      if (flags & FLAG.rst && segment.sequence === this.#receiveNext) this.#close(true);
      return;
    }
    if (flags & FLAG.syn) {
      const isRepeated = !(flags & FLAG.ack) && segment.sequence === this.#guestStart;
      if (this.#phase === "accepted" && isRepeated) this.#sendSyn();
      else this.#host.wantsAcknowledgement(this);
      return;
    }
    const ahead = distance(segment.sequence, this.#receiveNext);
    if (flags & FLAG.rst) {
      if (ahead === 0) this.#close(true);
      else if (ahead > 0 && ahead < RECEIVE_BYTES) this.#host.wantsAcknowledgement(this);
      return;
    }
    if (!(flags & FLAG.ack) || !this.#takeAcknowledgement(segment)) return;
    this.#takeData(segment, bytes, ahead);
    this.#settle();
  }

  /** Sends as much as the windows and the outbox allow. */
  output(): void {
    if (this.#phase !== "open") return;
    while (this.#sendSome());
    this.#startTimer();
  }

  /** Acknowledges the received data. */
  acknowledge(): void {
    if (this.#phase === "connecting" || this.#phase === "closed") return;
    this.#transmit({ flags: FLAG.ack, sequence: this.#sendNext });
  }

  /** Runs the timer if it is due. */
  tick(): void {
    const now = this.#host.now();
    if (this.#deadline === undefined || now < this.#deadline) return;
    this.#deadline = undefined;
    if (this.#phase === "time-wait") return this.#leave();
    // A guest may keep its window closed for any time, if it answers the probes.
    const isProbing = this.#inFlight() === 0;
    if (++this.#retries > MAX_RETRIES) {
      this.#transmit({ flags: FLAG.rst | FLAG.ack, sequence: this.#sendNext });
      return this.#close(true);
    }
    this.#timed = undefined;
    if (this.#phase === "accepted") this.#sendSyn();
    // Window probe: the guest answers an old sequence number with its current window.
    else if (isProbing) this.#transmit({ flags: FLAG.ack, sequence: (this.#sendUnacknowledged - 1) >>> 0 });
    else this.#sendAgain();
    this.#startTimer();
  }

  /** Frees the receive buffer if it is empty. */
  trim(): void {
    if (this.#received.length === 0 && this.#gaps.isEmpty) this.#received.free();
  }

  // --- receiving

  /** Processes the acknowledgement. Returns false if the rest of the segment must be ignored. */
  #takeAcknowledgement(segment: TcpSegment): boolean {
    const { acknowledgement } = segment;
    const acknowledged = distance(acknowledgement, this.#sendUnacknowledged);
    if (distance(acknowledgement, this.#sendHighest) > 0) {
      this.#host.wantsAcknowledgement(this);
      return false;
    }
    if (this.#phase === "accepted") {
      if (acknowledged <= 0) return false;
      this.#phase = "open";
    }
    if (acknowledged > 0) this.#advance(acknowledgement, acknowledged);
    else if (acknowledged === 0) this.#countDuplicate(segment);
    // The guest answered, so it is alive.
    if (acknowledged >= 0) this.#retries = 0;
    this.#takeWindow(segment);
    if (acknowledged > 0) this.#events?.onWritable();
    this.output();
    return true;
  }

  #advance(acknowledgement: number, acknowledged: number): void {
    // The SYN occupies a sequence number but is not data.
    const count = this.#isSynUnacknowledged ? acknowledged - 1 : acknowledged;
    this.#isSynUnacknowledged = false;
    const data = Math.min(count, this.#unacknowledged.length);
    this.#unacknowledged.consume(data);
    if (count > data) this.#isEndAcknowledged = true;
    this.#sendUnacknowledged = acknowledgement;
    if (distance(this.#sendNext, acknowledgement) < 0) this.#sendNext = acknowledgement;
    this.#duplicates = 0;
    if (this.#timed && distance(acknowledgement, this.#timed.sequence) >= 0) this.#measure();
    if (this.#recoverTo !== undefined) {
      if (distance(acknowledgement, this.#recoverTo) >= 0) this.#recoverTo = undefined;
      else this.#repeatFirst();
    }
    const isAvoidingCongestion = this.#congestionWindow >= this.#slowStartThreshold;
    const growth = isAvoidingCongestion ? (this.#segmentBytes * data) / this.#congestionWindow : data;
    this.#congestionWindow = Math.min(SEND_BYTES, this.#congestionWindow + growth);
    this.#deadline = undefined;
  }

  #isSynUnacknowledged = true;

  /** Counts duplicate acknowledgements, which the guest sends for segments after a gap, for a fast retransmit. */
  #countDuplicate(segment: TcpSegment): void {
    const isDuplicate = segment.data === segment.end && !(segment.flags & FLAG.fin) && this.#inFlight() > 0 &&
      this.#scaled(segment) === this.#window;
    if (!isDuplicate || this.#recoverTo !== undefined || ++this.#duplicates < DUPLICATES_BEFORE_REPEAT) return;
    this.#duplicates = 0;
    this.#recoverTo = this.#sendHighest;
    this.#slowStartThreshold = Math.max(this.#inFlight() / 2, 2 * this.#segmentBytes);
    this.#congestionWindow = this.#slowStartThreshold;
    this.#timed = undefined;
    this.#repeatFirst();
  }

  #takeWindow(segment: TcpSegment): void {
    const newer = distance(segment.sequence, this.#windowSequence);
    const isNewer = newer > 0 || (newer === 0 && distance(segment.acknowledgement, this.#windowAcknowledgement) >= 0);
    if (!isNewer) return;
    const window = this.#scaled(segment);
    // The timer was for window probes, and the window is open now.
    if (this.#window === 0 && window > 0 && this.#inFlight() === 0) this.#deadline = undefined;
    this.#window = window;
    this.#windowSequence = segment.sequence;
    this.#windowAcknowledgement = segment.acknowledgement;
  }

  #scaled({ window }: TcpSegment): number {
    return window * 2 ** this.#sendScale;
  }

  #takeData(segment: TcpSegment, bytes: Uint8Array, ahead: number): void {
    const isEnd = (segment.flags & FLAG.fin) !== 0;
    const length = segment.end - segment.data;
    if (length === 0 && !isEnd) {
      // A keep-alive probe has an old sequence number.
      if (ahead !== 0) this.#host.wantsAcknowledgement(this);
      return;
    }
    if (ahead > 0) {
      this.#keep(ahead, bytes.subarray(segment.data, segment.end));
      // Acknowledge at once and for each segment: the duplicates tell the guest what is missing.
      this.acknowledge();
      return;
    }
    this.#host.wantsAcknowledgement(this);
    if (this.#hasReceivedFin || length + ahead < 0) return;
    const fresh = bytes.subarray(segment.data - ahead, segment.end);
    const taken = this.#received.push(fresh);
    const more = this.#gaps.advance(taken);
    this.#received.commit(more);
    this.#receiveNext = (this.#receiveNext + taken + more) >>> 0;
    if (isEnd && taken === fresh.length && more === 0) {
      this.#receiveNext = (this.#receiveNext + 1) >>> 0;
      this.#hasReceivedFin = true;
    }
    if (taken > 0 || this.#hasReceivedFin) this.#events?.onReadable();
  }

  /** Keeps data that arrived after a gap, if it fits in the window. A FIN is not kept: the guest sends it again. */
  #keep(ahead: number, bytes: Uint8Array): void {
    const end = ahead + bytes.length;
    if (this.#hasReceivedFin || bytes.length === 0 || end > this.#received.room) return;
    const offset = this.#received.length + ahead;
    if (this.#received.place(offset, bytes)) this.#gaps.add(ahead, end);
  }

  // --- sending

  #inFlight(): number {
    return distance(this.#sendHighest, this.#sendUnacknowledged);
  }

  /** Returns the sequence number after all data. */
  #dataEnd(): number {
    return (this.#sendUnacknowledged + this.#unacknowledged.length) >>> 0;
  }

  /** Sends one segment. Returns false if nothing may be sent. */
  #sendSome(): boolean {
    const sent = distance(this.#sendNext, this.#sendUnacknowledged);
    const waiting = this.#unacknowledged.length - sent;
    if (waiting <= 0) return this.#sendEnd(waiting);
    const allowed = Math.min(this.#window, this.#congestionWindow) - sent;
    const count = Math.floor(Math.min(waiting, allowed, this.#segmentBytes));
    if (count <= 0) return false;
    // Do not send a short segment while data is in flight, unless it is the last data: the window will open further.
    if (count < this.#segmentBytes && count < waiting && sent > 0) return false;
    if (!this.#host.hasRoom(count, this)) return false;
    this.#sendData(sent, count);
    this.#sendNext = (this.#sendNext + count) >>> 0;
    this.#noteHighest();
    return true;
  }

  #sendEnd(waiting: number): boolean {
    if (waiting < 0 || !this.#isEnding || this.#isEndAcknowledged) return false;
    this.#transmit({ flags: FLAG.fin | FLAG.ack, sequence: this.#sendNext });
    this.#sendNext = (this.#sendNext + 1) >>> 0;
    this.#noteHighest();
    return false;
  }

  #noteHighest(): void {
    if (distance(this.#sendNext, this.#sendHighest) <= 0) return;
    this.#sendHighest = this.#sendNext;
    // Measure only segments that were sent once (Karn's algorithm).
    this.#timed ??= { sequence: this.#sendHighest, at: this.#host.now() };
  }

  #sendData(offset: number, count: number): void {
    const isLast = offset + count === this.#unacknowledged.length;
    this.#transmit({
      flags: FLAG.ack | (isLast ? FLAG.psh : 0),
      sequence: (this.#sendUnacknowledged + offset) >>> 0,
      data: { ring: this.#unacknowledged, offset, count },
    });
  }

  #sendSyn(): void {
    const maxSegment = this.#host.maxSegment(this.flow);
    this.#transmit({
      flags: FLAG.syn | FLAG.ack,
      sequence: this.#sendUnacknowledged,
      options: { maxSegment, windowScale: this.#receiveScale },
    });
  }

  /** Retransmits the first unacknowledged segment. */
  #repeatFirst(): void {
    const count = Math.min(this.#unacknowledged.length, this.#segmentBytes, this.#inFlight());
    if (count > 0) this.#sendData(0, count);
    else if (this.#isEnding && !this.#isEndAcknowledged) {
      this.#transmit({ flags: FLAG.fin | FLAG.ack, sequence: this.#dataEnd() });
    }
  }

  /** After a retransmission timeout, sends again from the first unacknowledged byte, with slow start. */
  #sendAgain(): void {
    this.#slowStartThreshold = Math.max(this.#inFlight() / 2, 2 * this.#segmentBytes);
    this.#congestionWindow = this.#segmentBytes;
    this.#recoverTo = undefined;
    this.#duplicates = 0;
    this.#sendNext = this.#sendUnacknowledged;
    // Send one segment even if the window is closed, to check whether the guest is alive.
    const before = this.#sendNext;
    while (this.#sendSome());
    if (this.#sendNext === before) this.#repeatFirst();
  }

  #transmit(segment: Omit<OutgoingSegment, "acknowledgement" | "window">): void {
    const edge = this.#windowEdge();
    const size = Math.max(0, distance(edge, this.#receiveNext));
    const shift = segment.flags & FLAG.syn ? 0 : this.#receiveScale ?? 0;
    const window = Math.min(size >>> shift, 0xffff);
    const isSent = this.#host.transmit(this.flow, { ...segment, acknowledgement: this.#receiveNext, window });
    if (isSent) this.#advertisedEdge = (this.#receiveNext + (window << shift)) >>> 0;
  }

  #windowEdge(): number {
    return (this.#receiveNext + (this.#hasReceivedFin ? 0 : this.#received.room)) >>> 0;
  }

  // --- time

  #measure(): void {
    const sample = this.#host.now() - this.#timed!.at;
    this.#timed = undefined;
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = sample;
      this.#deviationMs = sample / 2;
    } else {
      this.#deviationMs = 0.75 * this.#deviationMs + 0.25 * Math.abs(this.#smoothedMs - sample);
      this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * sample;
    }
  }

  #startTimer(): void {
    const isWaiting = this.#phase === "accepted" || this.#inFlight() > 0 ||
      (this.#unacknowledged.length > 0 && this.#window === 0);
    if (!isWaiting) {
      this.#deadline = undefined;
      return;
    }
    if (this.#deadline !== undefined) return;
    const measured = this.#smoothedMs === undefined
      ? FIRST_TIMEOUT_MS
      : Math.max(MIN_TIMEOUT_MS, this.#smoothedMs + 4 * this.#deviationMs);
    this.#deadline = this.#host.now() + Math.min(MAX_TIMEOUT_MS, measured * 2 ** this.#retries);
    this.#host.wantsTicks(this);
  }

  // --- closing

  /** Enters TIME-WAIT once the FINs of both sides are acknowledged. */
  #settle(): void {
    if (this.#phase !== "open" || !this.#hasReceivedFin || !this.#isEndAcknowledged) return;
    this.#phase = "time-wait";
    this.#wait();
  }

  #wait(): void {
    this.#deadline = this.#host.now() + TIME_WAIT_MS;
    this.#host.wantsTicks(this);
  }

  /** Closes the connection, unless there is still data from the guest to read. */
  #leave(): void {
    if (this.#received.length > 0) this.#wait();
    else this.#close(false);
  }

  #close(isReset: boolean): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#deadline = undefined;
    this.#received.free();
    this.#unacknowledged.free();
    this.#host.closed(this);
    this.#events?.onClosed(isReset);
  }
}
