// Frames wait in a queue of one: a display that is slower than its kiosk shows the newest, never a backlog.
export interface FrameQueue<Frame> {
  /** Resolves when this frame, or a newer one that overtook it, is shown; rejects as `draw` did. */
  show(frame: Frame): Promise<void>;
  /** The last frame once more, where no other is on its way. What went wrong is told to whoever shows the next one. */
  again(frame: Frame): void;
}

interface Waiting<Frame> {
  frame: Frame;
  shown: PromiseWithResolvers<void>;
}

/** Calls `draw` for one frame at a time. */
export function createFrameQueue<Frame>(draw: (frame: Frame) => Promise<void>): FrameQueue<Frame> {
  let waiting: Waiting<Frame> | undefined;
  let drawing = false;

  const run = async (): Promise<void> => {
    drawing = true;
    for (let next = take(); next !== undefined; next = take()) {
      try {
        await draw(next.frame);
        next.shown.resolve();
      } catch (error) {
        next.shown.reject(error);
      }
    }
    drawing = false;
  };
  const take = (): Waiting<Frame> | undefined => {
    const next = waiting;
    waiting = undefined;
    return next;
  };

  const show = async (frame: Frame): Promise<void> => {
    if (waiting === undefined) waiting = { frame, shown: Promise.withResolvers() };
    else waiting.frame = frame;
    const { promise } = waiting.shown;
    if (!drawing) void run();
    return promise;
  };

  return {
    show,
    again: (frame) => {
      if (!drawing) void show(frame).catch(() => undefined);
    },
  };
}
