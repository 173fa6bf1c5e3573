// coturn as a platform would run it: time-limited credentials from a shared secret.
import { cluster } from '../environment.ts';
import { Program } from './program.ts';
import { waitUntil } from '../wait.ts';

export class TurnServer {
  readonly address: string;
  readonly port: number;
  readonly #program: Program;

  private constructor(address: string, port: number, program: Program) {
    this.address = address;
    this.port = port;
    this.#program = program;
  }

  /** Listens on an address that both browsers and nodes can reach. */
  static async start(secret: string, port = 34_780): Promise<TurnServer> {
    const address = cluster.turnAddress;
    const program = new Program('turnserver', [
      ...['-n', '--log-file=stdout', '--simple-log', '--no-cli', '--no-tls', '--no-dtls', '--pidfile=', '--realm=convene.test'],
      ...[`--listening-ip=${address}`, `--relay-ip=${address}`, `--listening-port=${String(port)}`, '--min-port=34800', '--max-port=34899'],
      ...['--use-auth-secret', `--static-auth-secret=${secret}`, '--fingerprint', '--verbose'],
    ]);
    await waitUntil('the TURN server listens', 15, () => {
      if (program.hasEnded) throw new Error(`it has ended:\n${program.output}`);
      return /listener opened|Total General servers/i.test(program.output) ? undefined : 'not yet';
    });
    return new TurnServer(address, port, program);
  }

  /** Number of allocated relays. */
  get allocations(): number {
    return this.#program.output.match(/ALLOCATE processed, success/g)?.length ?? 0;
  }

  get output(): string {
    return this.#program.output;
  }

  async stop(): Promise<void> {
    await this.#program.kill();
  }
}
