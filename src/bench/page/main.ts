// The bench's page, put together: what the bench says goes to each piece, what can be seen goes to the phone.
import { follow } from './bench.ts';
import { createLamp, startGun, startKeypad, startSwitches } from './controls.ts';
import { createPrinterMark, createTray } from './paper.ts';
import { createPhone } from './phone.ts';
import { createScreen } from './screen.ts';

const phone = createPhone();
const screen = createScreen((pixels) => {
  phone.camera.lookAtScreen(pixels);
});
const tray = createTray((slip) => {
  phone.camera.lookAtSlip(slip);
});
const printer = createPrinterMark();
const gun = startGun();
const lamp = createLamp();
const switches = startSwitches();
startKeypad();

follow(
  (state) => {
    document.body.dataset['stage'] = state.stage;
    screen.update(state.frame);
    tray.update(state.papers);
    printer.update(state.switches);
    gun.update(state.products);
    lamp.update(state.pulses);
    switches.update(state.switches);
  },
  (down) => {
    if (down) document.body.dataset['stage'] = 'gone';
  },
);
