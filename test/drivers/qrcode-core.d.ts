// The matrix alone of the package `qrcode`, which tests and benches hold ours against.
declare module 'qrcode/lib/core/qrcode.js' {
  export { create } from 'qrcode';
}
