// Brings scenes onto the display: draws the newest one when the last one is out, and leaves out those in between.
import { createRenderer, type Renderer } from '../../drivers/display/render.ts';
import type { Scene } from '../../drivers/display/scene.ts';
import { DeviceError, type Display } from '../../drivers/device.ts';
import type { Log } from '../lib/log.ts';

export interface Screen {
  /** A display came, went or changed its geometry. */
  use(display: Display | undefined): void;
  /** Shows this scene as soon as possible; `refused` is called when its QR cannot be drawn readably. */
  show(scene: Scene, refused: () => void): void;
  /** Resolves when nothing is being drawn. */
  idle(): Promise<void>;
}

export function createScreen(log: Log): Screen {
  let display: Display | undefined;
  let renderer: Renderer | undefined;
  let wanted: { scene: Scene; refused: () => void } | undefined;
  let latest: typeof wanted;
  let drawing: Promise<void> | undefined;

  const drawAll = async (): Promise<void> => {
    while (wanted !== undefined && display !== undefined && renderer !== undefined) {
      const { scene, refused } = wanted;
      wanted = undefined;
      try {
        await display.show(renderer.render(scene));
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        log.warn({ fault: error.kind, reason: error.message }, 'screen.not-drawn');
        if (scene.qr !== undefined && error.kind === 'protocol') refused();
      }
    }
  };

  const draw = (): void => {
    drawing ??= drawAll().finally(() => {
      drawing = undefined;
      if (wanted !== undefined && display !== undefined) draw();
    });
  };

  return {
    use: (next) => {
      display = next;
      renderer = next === undefined ? undefined : createRenderer({ geometry: next.geometry });
      wanted = latest;
      if (wanted !== undefined) draw();
    },
    show: (scene, refused) => {
      latest = { scene, refused };
      wanted = latest;
      draw();
    },
    idle: async () => {
      await drawing;
    },
  };
}
