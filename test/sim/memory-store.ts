// The relay's store in memory: what the SQLite store does, transaction by transaction, with the same `decide`. It outlives
// the relay's crashes.
/* eslint-disable @typescript-eslint/require-await -- the seam is asynchronous, memory is not */
import { changedClaim } from '../../src/relay/ledger-claims.ts';
import type { Decision, ClaimChange } from '../../src/relay/ledger-rules.ts';
import type { decide, LedgerEvent } from '../../src/relay/ledger.ts';
import type { ClaimRow, SaleRow } from '../../src/relay/sale-row.ts';
import type { KioskRow, NoticeRow, OutboxRow } from '../../src/relay/store/schema.ts';
import type {
  Changes,
  CoreStore,
  Judgement,
  Kept,
  NewNotice,
  NoticeAnswer,
} from '../../src/relay/store/store.ts';

export type Decide = typeof decide;

export class MemoryStore implements CoreStore {
  ledgerId = 'ledger-1';
  readonly sales = new Map<string, SaleRow>();
  readonly claims = new Map<string, ClaimRow>();
  readonly kiosks = new Map<string, KioskRow>();
  readonly outbox = new Map<string, OutboxRow>();
  readonly notices = new Map<string, NoticeRow>();
  readonly #nowMs: () => number;
  readonly #decide: Decide;

  constructor(nowMs: () => number, decide: Decide) {
    this.#nowMs = nowMs;
    this.#decide = decide;
  }

  /** The relay's clock. */
  nowMs(): number {
    return this.#nowMs();
  }

  addKiosk(kioskId: string): void {
    const times = { enrolledAtMs: 0, revokedAtMs: null, statusAtMs: null };
    const keys = { publicKey: '', serial: null, claimSecret: '', bootId: null };
    const numbers = { seq: 0, ackedSeq: 0, online: 0 };
    const broker = { brokerPassword: null, brokerDue: 0 };
    this.kiosks.set(kioskId, { kioskId, status: null, ...broker, ...numbers, ...keys, ...times });
  }

  async put(event: Extract<LedgerEvent, { type: 'put' }>): ReturnType<CoreStore['put']> {
    const row = this.sales.get(event.saleId);
    if (row === undefined && this.#hasOpenSale(event.kioskId)) return undefined;
    return { decision: this.#apply(row, event), created: row === undefined };
  }

  async cancel(event: Extract<LedgerEvent, { type: 'cancel' }>): Promise<Decision> {
    return this.#apply(this.sales.get(event.saleId), event);
  }

  async move(saleId: string, event: LedgerEvent): Promise<Decision | undefined> {
    const row = this.sales.get(saleId);
    return row === undefined ? undefined : this.#apply(row, event);
  }

  async sale(saleId: string): Promise<SaleRow | undefined> {
    return this.sales.get(saleId);
  }

  async takeDue(limit: number, leaseMs: number): Promise<SaleRow[]> {
    const nowMs = this.#nowMs();
    const due: SaleRow[] = [];
    for (const row of this.sales.values()) {
      if (row.askAtMs !== null && row.askAtMs <= nowMs) due.push(row);
    }
    due.sort((a, b) => (a.askAtMs ?? 0) - (b.askAtMs ?? 0)).splice(limit);
    for (const row of due) this.sales.set(row.saleId, { ...row, askAtMs: nowMs + leaseMs });
    return due;
  }

  async changes(kioskId: string, since: number, limit: number): Promise<Changes> {
    const rows = [...this.sales.values()]
      .filter((row) => row.kioskId === kioskId && row.seq > since)
      .sort((a, b) => a.seq - b.seq);
    return { sales: rows.slice(0, limit), more: rows.length > limit };
  }

  async saleAt(kioskId: string, seq: number): Promise<SaleRow | undefined> {
    return [...this.sales.values()].find((row) => row.kioskId === kioskId && row.seq === seq);
  }

  async claim(saleId: string): Promise<ClaimRow | undefined> {
    return this.claims.get(saleId);
  }

  async keepNotice(
    { pending, amountIdr, settlement, ...notice }: NewNotice,
    leaseMs: number,
  ): Promise<Kept> {
    let sale = this.sales.get(notice.saleId);
    if (this.notices.has(notice.noticeId)) return { keeping: 'repeated', sale, notice: undefined };
    const nowMs = this.#nowMs();
    const state = sale === undefined ? 'unknown-order' : 'unconfirmed';
    const times = { receivedAtMs: nowMs, attempts: 1, nextAtMs: nowMs + leaseMs };
    const row: NoticeRow = { ...notice, ...times, state, pending: pending ? 1 : 0 };
    this.notices.set(notice.noticeId, row);
    if (sale === undefined) return { keeping: 'stored', sale, notice: undefined };
    if (settlement && amountIdr === sale.amountIdr) {
      sale = this.#apply(sale, { type: 'noticed' }).row;
    }
    return { keeping: 'stored', sale, notice: { ...row } };
  }

  async answerNotices(
    saleId: string,
    event: NoticeAnswer,
    judge: (decision: Decision, nowMs: number) => Judgement[],
  ): Promise<Decision | undefined> {
    const row = this.sales.get(saleId);
    if (row === undefined) return undefined;
    const decision = this.#apply(row, event);
    await this.settleNotices((nowMs) => judge(decision, nowMs));
    return decision;
  }

  async settleNotices(judge: (nowMs: number) => Judgement[]): Promise<void> {
    for (const { noticeId, ...to } of judge(this.#nowMs())) {
      const row = this.notices.get(noticeId);
      if (row !== undefined) this.notices.set(noticeId, { ...row, ...to });
    }
  }

  async salesNoticed(limit: number): Promise<string[]> {
    const due = this.#dueNotices().sort((a, b) => a.nextAtMs - b.nextAtMs);
    return [...new Set(due.map((notice) => notice.saleId))].slice(0, limit);
  }

  async takeNotices(saleId: string, leaseMs: number): Promise<NoticeRow[]> {
    const due = this.#dueNotices().filter((notice) => notice.saleId === saleId);
    const nextAtMs = this.#nowMs() + leaseMs;
    const taken = due.map((row) => ({ ...row, attempts: row.attempts + 1, nextAtMs }));
    for (const row of taken) this.notices.set(row.noticeId, row);
    return taken;
  }

  async kiosksToTell(limit: number): Promise<string[]> {
    const nowMs = this.#nowMs();
    const told = new Set<string>();
    for (const row of this.outbox.values()) {
      if (row.nextAtMs <= nowMs && this.kiosks.get(row.kioskId)?.online === 1) {
        told.add(row.kioskId);
      }
    }
    return [...told].slice(0, limit);
  }

  async dueOutbox(kioskId: string, limit: number): Promise<(OutboxRow & { sale: SaleRow })[]> {
    const nowMs = this.#nowMs();
    return [...this.outbox.values()]
      .filter((row) => row.kioskId === kioskId && row.nextAtMs <= nowMs)
      .sort((a, b) => a.seq - b.seq)
      .slice(0, limit)
      .flatMap((row) => {
        const sale = this.sales.get(row.saleId);
        return sale?.seq === row.seq ? [{ ...row, sale }] : [];
      });
  }

  async sent(row: Pick<OutboxRow, 'saleId' | 'seq'>, waitMs: number): Promise<void> {
    const nextAtMs = this.#nowMs() + waitMs;
    const now = this.outbox.get(row.saleId);
    if (now?.seq !== row.seq) return;
    this.outbox.set(row.saleId, { ...now, state: 'sent', attempts: now.attempts + 1, nextAtMs });
  }

  async resend(kioskId: string): Promise<void> {
    const nextAtMs = this.#nowMs();
    for (const row of this.outbox.values()) {
      if (row.kioskId !== kioskId) continue;
      this.outbox.set(row.saleId, { ...row, nextAtMs, attempts: 0 });
    }
  }

  async acked(kioskId: string, upTo: number): Promise<boolean> {
    const kiosk = this.kiosks.get(kioskId);
    if (kiosk === undefined || kiosk.seq < upTo) return false;
    for (const row of [...this.outbox.values()]) {
      if (row.kioskId === kioskId && row.seq <= upTo) this.outbox.delete(row.saleId);
    }
    this.kiosks.set(kioskId, { ...kiosk, ackedSeq: Math.max(kiosk.ackedSeq, upTo) });
    return true;
  }

  async kiosk(kioskId: string): Promise<KioskRow | undefined> {
    return this.kiosks.get(kioskId);
  }

  async noteBoot(): Promise<'live'> {
    return 'live';
  }

  async noteStatus(kioskId: string, online: boolean, status: string | null): Promise<void> {
    const kiosk = this.kiosks.get(kioskId);
    if (kiosk === undefined) return;
    const said = status === null ? {} : { status };
    this.kiosks.set(kioskId, { ...kiosk, ...said, online: online ? 1 : 0 });
  }

  async allOffline(): Promise<void> {
    for (const kiosk of this.kiosks.values()) {
      this.kiosks.set(kiosk.kioskId, { ...kiosk, online: 0 });
    }
  }

  async revokedKiosks(): Promise<string[]> {
    return [];
  }

  // No run enrols or revokes.
  async revoke(): Promise<boolean> {
    return false;
  }
  async addEnrolment(): Promise<void> {
    await Promise.resolve();
  }
  async enrol(): Promise<{ kind: 'refused' }> {
    return { kind: 'refused' };
  }
  async check(): Promise<void> {
    await Promise.resolve();
  }
  async close(): Promise<void> {
    await Promise.resolve();
  }

  #dueNotices(): NoticeRow[] {
    const nowMs = this.#nowMs();
    return [...this.notices.values()].filter(
      (row) => row.state === 'unconfirmed' && row.nextAtMs <= nowMs,
    );
  }

  #hasOpenSale(kioskId: string): boolean {
    for (const row of this.sales.values()) {
      const open = row.verdict === 'creating' || row.verdict === 'pending';
      if (row.kioskId === kioskId && open && row.fulfilment !== 'abandoned') return true;
    }
    return false;
  }

  #apply(row: SaleRow | undefined, event: LedgerEvent): Decision {
    return this.keep(this.#decide(row, event, this.#nowMs()));
  }

  /** As src/relay/store/sales.ts. */
  keep(decision: Decision): Decision {
    const nowMs = this.#nowMs();
    if (decision.refusal !== undefined) {
      if (decision.claim !== undefined) this.#applyClaim(decision.row, decision.claim);
      return decision;
    }
    const made = decision.row;
    if (decision.moved) this.#takeSeq(made);
    this.sales.set(made.saleId, made);
    if (decision.moved) {
      const { saleId, kioskId, seq } = made;
      const due = { state: 'due', attempts: 0, nextAtMs: nowMs } as const;
      this.outbox.set(saleId, { saleId, kioskId, seq, ...due });
    }
    if (decision.claim !== undefined) this.#applyClaim(made, decision.claim);
    return { ...decision, row: { ...made } };
  }

  #takeSeq(row: SaleRow): void {
    const kiosk = this.kiosks.get(row.kioskId);
    if (kiosk === undefined) throw new Error(`kiosk ${row.kioskId} has no row`);
    row.prev = kiosk.seq;
    row.seq = kiosk.seq + 1;
    this.kiosks.set(row.kioskId, { ...kiosk, seq: row.seq });
  }

  #applyClaim(row: SaleRow, change: ClaimChange): void {
    const { claim } = changedClaim(row, this.claims.get(row.saleId), change, this.#nowMs());
    if (claim !== undefined) this.claims.set(row.saleId, claim);
  }
}
