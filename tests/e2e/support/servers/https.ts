// GET and POST over HTTPS with the test certificate authority, checked as strictly as a browser would.
import { request } from 'node:https';

import { certificateAuthority } from './tls.ts';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export async function httpsGet(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return send('GET', url, headers);
}

/** POST of a JSON document. */
export async function httpsPost(url: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  return send('POST', url, { 'content-type': 'application/json', ...headers }, JSON.stringify(body));
}

async function send(method: string, url: string, headers: Record<string, string>, content?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const pending = request(url, { ca: certificateAuthority(), method, headers, agent: false, timeout: 5000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', body });
      });
    });
    pending.on('timeout', () => pending.destroy(new Error(`${url} does not answer`)));
    pending.on('error', reject);
    pending.end(content);
  });
}
