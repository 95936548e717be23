// Brings scenes onto the display: draws the newest one when the last one is out, and leaves out those in between.
import { createPanelRenderer, createRenderer } from '../../drivers/display/render.ts';
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
  let put: ((scene: Scene) => Promise<void>) | undefined;
  let wanted: { scene: Scene; refused: () => void } | undefined;
  let latest: typeof wanted;
  let drawing: Promise<void> | undefined;

  const drawAll = async (): Promise<void> => {
    while (wanted !== undefined && put !== undefined) {
      const { scene, refused } = wanted;
      wanted = undefined;
      try {
        await put(scene);
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
      if (wanted !== undefined && put !== undefined) draw();
    });
  };

  return {
    use: (next) => {
      put = next && painterOn(next);
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

/** Draws scenes in the form that the display has for them. */
function painterOn(display: Display): (scene: Scene) => Promise<void> {
  const { geometry, panel } = display;
  if (panel === undefined) {
    const renderer = createRenderer({ geometry });
    return async (scene) => display.show(renderer.render(scene));
  }
  const renderer = createPanelRenderer(panel.form, { geometry });
  return async (scene) => panel.show(renderer.render(scene));
}
