// The matrix alone of the package `qrcode`: its main file loads what makes PNGs as well, which a kiosk never does.
declare module 'qrcode/lib/core/qrcode.js' {
  export { create } from 'qrcode';
}
