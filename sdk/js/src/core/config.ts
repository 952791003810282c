/** Platforms a device can be of. */
export type Platform = 'android' | 'ios' | 'harmonyos' | 'web' | 'other';

/** Where the service is and which app this is: the content of `mps-device.json`. */
export interface Config {
  /** The gateway: mqtt:, mqtts:, ws: or wss:. */
  endpoint: string;
  /** Where the HTTP requests go, without /device/v1. */
  httpEndpoint: string;
  appId: string;
  workspaceId: string;
  clientKey: string;
  platform: Platform;
  /** The VAPID public key, where the workspace has an account for Web Push. */
  webPushKey?: string;
}

/** What a device tells of itself; shown in the console. */
export interface Description {
  manufacturer?: string;
  model?: string;
  osVersion?: string;
  appVersion?: string;
  /** A name of IANA's database; the system's by default, as are the following two. */
  timeZone?: string;
  /** A language tag (BCP 47). */
  language?: string;
  /** Two letters (ISO 3166-1). */
  country?: string;
  /** What the app can do, such as `trampoline`: it counts taps on vendors' notifications by itself. */
  capabilities?: readonly string[];
}

const NAMES = ['endpoint', 'httpEndpoint', 'appId', 'workspaceId', 'clientKey', 'platform'] as const;
const PLATFORMS = ['android', 'ios', 'harmonyos', 'web', 'other'];

/**
 * Check a configuration, such as the parsed `mps-device.json`.
 *
 * @throws TypeError Naming what is wrong with it.
 */
export function checkConfig(value: unknown): Config {
  const config = value as Record<string, unknown> | null;
  for (const name of NAMES) {
    if (typeof config?.[name] !== 'string') {
      throw new TypeError(`the configuration has no ${name}`);
    }
  }
  const checked = config as unknown as Config;
  if (!/^(mqtts?|wss?):\/\//.test(checked.endpoint)) {
    throw new TypeError('endpoint begins with mqtt://, mqtts://, ws:// or wss://');
  }
  if (!PLATFORMS.includes(checked.platform)) {
    throw new TypeError(`platform is one of ${PLATFORMS.join(', ')}`);
  }
  return checked;
}

/** Return the MQTT user name of the workspace's devices. */
export function usernameOf(config: Config): string {
  return `${config.appId}-${config.workspaceId}`;
}

/** Return the system's time zone, language and country, as far as it tells them. */
export function systemRegion(): Description {
  try {
    const { timeZone, locale } = Intl.DateTimeFormat().resolvedOptions();
    const country = new Intl.Locale(locale).region;
    return { timeZone, language: locale, ...(country ? { country } : {}) };
  } catch {
    return {}; // engines without Intl
  }
}
