/** Detects the browser, as the demo protocol's `device`. Pure. */

import type { Device } from '../generated/messages';

const BROWSERS: readonly { flag: string; name: string; pattern: RegExp }[] = [
  { flag: 'edge', name: 'Edge', pattern: /\bEdgA?\/([\d.]+)/u },
  { flag: 'opera', name: 'Opera', pattern: /\bOPR\/([\d.]+)/u },
  { flag: 'firefox', name: 'Firefox', pattern: /\b(?:Firefox|FxiOS)\/([\d.]+)/u },
  { flag: 'chrome', name: 'Chrome', pattern: /\b(?:HeadlessChrome|Chrome|CriOS)\/([\d.]+)/u },
  { flag: 'safari', name: 'Safari', pattern: /\bVersion\/([\d.]+).*\bSafari\//u },
];

/** Whether keyboards of this system have ⌘. */
export function isAppleSystem(userAgent: string): boolean {
  return /\b(?:Macintosh|iPhone|iPad)\b/u.test(userAgent);
}

/** Whether the browser sends media to loopback addresses. Firefox does not; Firefox on iOS is WebKit. */
export function reachesLoopback(userAgent: string): boolean {
  return !/\bFirefox\//u.test(userAgent);
}

export function describeBrowser(userAgent: string): Device {
  for (const { flag, name, pattern } of BROWSERS) {
    const version = pattern.exec(userAgent)?.[1];
    if (version !== undefined) return { flag, name, version };
  }
  return { flag: 'unknown', name: 'unknown' };
}
