// A kiosk in the field, from its provisioning over every boot of its disks: sells, is updated, and has its plug pulled.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/lib/clock.ts';
import { bundleName, makeBundles, versions, type Release } from './field-bundles.ts';
import { makeStateDisk } from './field-disk.ts';
import { enrol, makeBare, provision, traces, type Traces } from './field-machine.ts';
import { kioskLog, type LogLine } from './guest-kiosk.ts';
import { House, until } from './house.ts';
import type { Ran } from './machine/agent-words.ts';
import type { GuestImage } from './machine/launch.ts';
import type { OwnStart, SecondDisk } from './machine/qemu-line.ts';
import { makeCrashed, readWrites, type Fate } from './machine/write-log.ts';
import { stepLimitMs } from './releases.ts';
import { Shop, type ShopOptions } from './shop.ts';

/** Unpacking, a trial of two minutes, and a busy host. */
export const updateLimitMs = 900_000;
/** A trial that is not passed lasts ten minutes. */
export const failedLimitMs = 1_500_000;

const status = z.object({
  current: z.string(),
  good: z.string(),
  previous: z.string().optional(),
  failed: z.array(z.object({ release: z.string(), tries: z.number() })),
});

/** The data partition: as it was at first, each write since, what a cut has left of it, and the one in use. */
interface DiskFiles {
  before: string;
  log: string;
  image: string;
  live: string;
}

export interface FieldOptions {
  /** Beside the base. */
  releases: readonly Release[];
  /** Of this machine, beside those of the relay. */
  ports?: readonly number[];
}

export class FieldKiosk {
  readonly house: House;
  readonly folder: string;
  /** What a technician brings. */
  readonly stick: string;
  readonly disk: DiskFiles;
  /** How its next boots begin; undefined: by the rig's own small initrd. */
  start: OwnStart | undefined;
  readonly #image: GuestImage;
  readonly #ports: readonly number[];
  #bare: { traces: Traces; atMs: number } | undefined;
  #shop: Shop | undefined;
  #cuts = 0;

  private constructor(
    given: { image: GuestImage; house: House; folder: string; stick: string },
    ports: readonly number[],
  ) {
    this.house = given.house;
    this.folder = given.folder;
    this.stick = given.stick;
    this.#image = given.image;
    this.#ports = ports;
    const at = (name: string): string => join(this.folder, name);
    this.disk = { before: at('before'), log: at('log'), image: at('image'), live: at('live') };
  }

  /** A bare Debian, provisioned from a bundle without network, and enrolled. It is not started yet. */
  static async open(
    image: GuestImage,
    { releases, ports = [] }: FieldOptions,
  ): Promise<FieldKiosk> {
    const folder = await mkdtemp(join(tmpdir(), 'kios-field-'));
    const stick = await mkdtemp(join(folder, 'stick-'));
    await makeBundles(stick, releases);
    const house = await House.openFar();
    const field = new FieldKiosk({ image, house, folder, stick }, ports);
    try {
      await field.#provision();
    } catch (error) {
      await field.close();
      throw error;
    }
    return field;
  }

  get shop(): Shop {
    if (this.#shop === undefined) throw new Error('there is no guest');
    return this.#shop;
  }

  /** What there was before kios came, and when. */
  get bare(): { traces: Traces; atMs: number } {
    if (this.#bare === undefined) throw new Error('it was not provisioned');
    return this.#bare;
  }

  /** Typed, paid, and its receipt on paper. */
  async sell(): Promise<void> {
    const { kiosk, keypad, printer } = this.shop;
    // The line to the relay comes and goes while a system is starting.
    await until('a kiosk that sells', () => kiosk.sells());
    await this.shop.toIdle();
    const mark = await kiosk.mark();
    const sheets = printer.sheets.length;
    await keypad.press('1', '5', '000', 'enter');
    await kiosk.phase('paying', mark);
    await this.house.pay(await this.shop.qrOnPanel());
    const { saleId, outcome } = await kiosk.phase('result', mark);
    expect(outcome).toBe('done');
    // The slip of a claim from before may come out in between.
    await until('its receipt', () => {
      const texts = printer.sheets.slice(sheets).map(({ text }) => text.join('\n'));
      return Promise.resolve(texts.some((text) => text.includes(String(saleId))));
    });
  }

  /** Waits, also for a boot on a busy host, until this boot's kiosk sells. */
  async untilSells(): Promise<void> {
    await this.untilLogged('"selling":true');
    await this.shop.kiosk.selling();
  }

  /** A boot begins without a log. */
  async untilLogged(text: string): Promise<void> {
    const isThere = `grep -qsF '${text}' ${kioskLog}`;
    await this.shop.guest.sh(`until ${isThere}; do sleep 0.5; done`, stepLimitMs);
  }

  /** The versions that took keys since this boot, oldest first. */
  async versionsReady(): Promise<readonly unknown[]> {
    const lines = (await this.shop.guest.get(kioskLog)).toString().split('\n');
    const logged = lines.flatMap((line) =>
      line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as LogLine] : [],
    );
    return logged.flatMap(({ msg, version }) => (msg === 'kiosk.ready' ? [version] : []));
  }

  apply(release: Release): Promise<Ran> {
    return this.shop.guest.run(`kios update apply /mnt/run/${bundleName(release)}`, failedLimitMs);
  }

  async told(): Promise<z.infer<typeof status>> {
    const said = await this.shop.guest.sh('kios update status --json');
    return status.parse(JSON.parse(said));
  }

  /** Waits in the guest, and not beyond the end of the update. */
  async meanwhile(ended: Promise<Ran>, isSo: string): Promise<void> {
    const over = ended.then(({ out, err }) => {
      throw new Error(`the update has ended: ${out}${err}`);
    });
    const line = `until ${isSo} >/dev/null 2>&1; do sleep 0.5; done`;
    await Promise.race([this.shop.guest.sh(line, updateLimitMs), over]);
  }

  /** A bad release is tried and taken back, and what ran before sells. */
  async goesBack(release: Release): Promise<void> {
    const { current: before } = await this.told();
    const mark = await this.shop.kiosk.mark();
    const { code, out, err } = await this.apply(release);
    expect(`${out}${err}`).toContain('was taken back');
    expect(code).toBe(1);
    await this.shop.kiosk.selling(mark);
    const { current, good, failed } = await this.told();
    expect([current, good]).toEqual([before, before]);
    expect(failed.map((one) => one.release.split('-')[0])).toContain(versions[release]);
    await this.sell();
  }

  /** Its system has been started anew by itself; the log began anew, too. */
  async untilBooted(): Promise<void> {
    await this.shop.guest.untilBooted();
    await this.shop.guest.mountShares();
    await this.untilSells();
  }

  /** The plug is pulled; what the cut has left of the data partition is in there at the next boot. */
  async cutPower(fate: Fate): Promise<void> {
    await this.off();
    const writes = readWrites(this.disk.log);
    makeCrashed(this.disk, writes, writes.length, fate);
    copySparse(this.disk.image, this.disk.before);
    copySparse(this.disk.image, this.disk.live);
    await this.boot({ file: this.disk.live, log: this.disk.log });
  }

  /** Switched off when all is on its disks, and on again. */
  async restart(): Promise<void> {
    await this.shop.guest.sh('sync');
    await this.off();
    copySparse(this.disk.live, this.disk.before);
    await this.boot({ file: this.disk.live, log: this.disk.log });
  }

  /** The plug is pulled. */
  async off(): Promise<void> {
    const { guest } = this.shop;
    await guest.cutPower();
    // A layer over the one before, which stays.
    this.#cuts++;
    await guest.copyDisk(this.#root);
    await this.leave();
  }

  /** The plug is pulled, and what its first disk holds is nobody's any more. */
  async leave(): Promise<void> {
    await this.#shop?.close();
    this.#shop = undefined;
  }

  /** Switched on with this data partition, and everything plugged in. Its kiosk may not be up yet. */
  async boot(dataDisk: SecondDisk, root = this.#root): Promise<void> {
    const start = this.start === undefined ? {} : { start: this.start };
    const image = { folder: this.#image.folder, used: root, ...start };
    const provisioned = { share: this.stick, run: () => Promise.resolve() };
    this.#shop = await this.#openShop(image, dataDisk, provisioned);
  }

  async close(): Promise<void> {
    await this.#shop?.close();
    await this.house.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  get #root(): string {
    return join(this.folder, `root-${this.#cuts}.qcow2`);
  }

  async #provision(): Promise<void> {
    makeStateDisk(this.disk.before);
    copySparse(this.disk.before, this.disk.live);
    const data = { file: this.disk.live, log: this.disk.log };
    this.#shop = await this.#openShop(this.#image, data, {
      share: this.stick,
      run: async (guest, house) => {
        await makeBare(guest, house);
        this.#bare = { traces: await traces(guest), atMs: systemClock.monotonicMs() };
        await provision(guest, '--data');
        await enrol(guest, house);
      },
    });
  }

  #openShop(
    image: GuestImage,
    dataDisk: SecondDisk,
    provisioned: NonNullable<ShopOptions['provision']>,
  ): Promise<Shop> {
    const { house } = this;
    return Shop.open(image, {
      ...{ house, dataDisk, alsoReachable: this.#ports, provision: provisioned },
    });
  }
}

/** Node copies holes as zeros, for seconds. */
export function copySparse(from: string, to: string): void {
  execFileSync('cp', ['--sparse=always', from, to]);
}
