/**
 * The errors of the core. Each has a code (what happened) and a category (where to look). Texts for users are the views' job.
 */

export type ErrorCategory = 'environment' | 'access' | 'device' | 'network' | 'protocol';

const CATEGORIES = {
  'insecure-context': 'environment',
  'webrtc-missing': 'environment',
  'browser-unsupported': 'environment',
  'meeting-missing': 'access',
  'meeting-over': 'access',
  'token-required': 'access',
  'token-invalid': 'access',
  'token-expired': 'access',
  'access-refused': 'access',
  'permission-denied': 'device',
  'device-missing': 'device',
  'device-in-use': 'device',
  'device-failed': 'device',
  'server-unreachable': 'network',
  'meeting-waits': 'network',
  'meeting-busy': 'network',
  'media-unreachable': 'network',
  'codec-unsupported': 'protocol',
  'request-refused': 'protocol',
  'join-refused': 'access',
  'request-timeout': 'protocol',
  'answer-malformed': 'protocol',
  'connection-closed': 'protocol',
} as const satisfies Record<string, ErrorCategory>;

export type ErrorCode = keyof typeof CATEGORIES;

interface ConveneErrorOptions extends ErrorOptions {
  retryAfterMs?: number | undefined;
}

export class ConveneError extends Error {
  readonly code: ErrorCode;
  /** The server's `Retry-After`, if it sent one. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ConveneErrorOptions = {}) {
    super(message, options);
    this.name = 'ConveneError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  get category(): ErrorCategory {
    return CATEGORIES[this.code];
  }
}

/** Wraps anything thrown in a ConveneError; one that is a ConveneError is returned unchanged. */
export function toConveneError(thrown: unknown, fallback: ErrorCode): ConveneError {
  if (thrown instanceof ConveneError) return thrown;
  return new ConveneError(fallback, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}
