// The environment of the tests: paths of the repository, and environment variables.
// All variables are read here; docs/development.md lists them.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export const repository = resolve(import.meta.dirname, '../../..');

function fromEnvironment(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === '' ? undefined : value;
}

const cache = fromEnvironment('CONVENE_CACHE') ?? join(fromEnvironment('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'convene');
const clusterState = join(cache, 'cluster/state');

export const webDirectory = fromEnvironment('CONVENE_WEB_DIRECTORY') ?? join(repository, 'web/dist');
export const galleryDirectory = join(repository, 'web/dist-gallery');
/** The folder for screenshots of all screens; none are taken without it. */
export const galleryPictures = fromEnvironment('CONVENE_GALLERY_PICTURES');
const programs = fromEnvironment('CONVENE_PROGRAMS') ?? join(repository, 'target/release');
export const mediaPodProgram = fromEnvironment('CONVENE_MEDIA_POD') ?? join(programs, 'convene-media-pod');
export const conveneProgram = join(programs, 'convene');
export const chromium = fromEnvironment('CONVENE_CHROMIUM') ?? '/usr/bin/chromium';
export const firefox = fromEnvironment('CONVENE_FIREFOX') ?? '/usr/bin/firefox-esr';
/** The driver starts its own browser. */
export const webkitDriver = fromEnvironment('CONVENE_WEBKIT_DRIVER') ?? '/usr/bin/WebKitWebDriver';

/** The other network namespace of tests/between-networks.sh. */
export const farNetwork = fromEnvironment('CONVENE_FAR_NETWORK') ?? '';

/** A foreign cluster, instead of the one of tests/cluster. */
const foreignKubeconfig = fromEnvironment('CONVENE_TEST_KUBECONFIG');

export const cluster = {
  kubeconfig: foreignKubeconfig ?? join(clusterState, 'pki/admin.conf'),
  /** kubectl and helm of the test cluster come first; a foreign cluster uses the machine's own. */
  path: foreignKubeconfig === undefined ? `${join(cache, 'cluster/bin')}:${process.env['PATH'] ?? ''}` : (process.env['PATH'] ?? ''),
  /** Files ca.crt, router.crt and router.key: the router's certificate. */
  tls: fromEnvironment('CONVENE_TEST_TLS') ?? join(clusterState, 'tls'),
  /** Address of a node, reachable from browsers. */
  nodeAddress: fromEnvironment('CONVENE_TEST_NODE') ?? '10.200.0.11',
  /** Address of this machine for a TURN server, reachable from browsers and nodes. */
  turnAddress: fromEnvironment('CONVENE_TEST_TURN') ?? '10.200.0.1',
  /** Additional arguments for `helm install convene`, separated by spaces, for example another registry. */
  helmArguments: (fromEnvironment('CONVENE_TEST_HELM_ARGS') ?? '').split(' ').filter((argument) => argument !== ''),
  images: join(cache, 'cluster/images'),
  isOwn: foreignKubeconfig === undefined,
};

/** Keeps namespaces, releases and processes of a failed test for inspection. */
export const keepAfterFailure = fromEnvironment('CONVENE_KEEP') === '1';

/** How often each kind of move and fault is measured; lost nodes a quarter as often, because they take minutes to come back. */
export const measuredRounds = Number(fromEnvironment('CONVENE_MEASURE_ROUNDS') ?? '50');
