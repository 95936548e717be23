// A setting that reads well and cannot serve here and now: a certificate without its key, a broker inside where another
// one runs. Told with the setting's name, like every other fault of the configuration.

export class SettingFault extends Error {
  /** Where the configuration names it, such as `http.tls`. */
  readonly setting: string;

  constructor(setting: string, detail: string, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause });
    this.name = 'SettingFault';
    this.setting = setting;
  }
}
