//! The text of `--help` around the flags. No logic beyond styles.

/// Start of the long help.
pub(super) const ABOUT: &str = "\
Forwards the audio and video of meetings.

Serves the signaling protocol of the mediasoup demo (protoo over WebSocket, both dialects) at \
/signal/{namespace}/{name}?peerId=…, an HTTP API for broadcasters, and media on its block of RTC ports, UDP and TCP. In a \
cluster the operator starts it; to run it standalone, use --dev and open http://localhost:8080/m/hello.";

/// End of the short help.
pub(super) const AFTER_HELP: &str = "Every flag can also be set by an environment variable or a file: see --help.";

/// End of the long help. `{h}` and `{/h}` mark the start and end of a heading.
const AFTER_LONG_HELP: &str = "\
{h}Environment:{/h}
  Every flag can be set by a variable: CONVENE_ and the flag's name in capitals, with _ for -,
  such as CONVENE_RTC_PORTS=40000-40067. Switches accept true, yes, on and 1, or false, no, off
  and 0.

  RUST_LOG  Log filter: error, warn, info (the default), debug, trace; also by module:
            info,convene_media_pod::signaling=debug.

{h}Configuration file:{/h}
  YAML, one `flag: value` per line, without leading dashes. The command line takes precedence over
  the environment, the environment over the file, and the file over the default. Unknown settings
  are errors.

    dev: true
    rtc-ports: 40000-40067
    announced-address: [203.0.113.7, 2001:db8::7]

{h}Signals:{/h}
  SIGTERM, SIGINT  The pod accepts no more participants, asks clients to reconnect elsewhere, and
                   exits within --shutdown-grace.

{h}Exit status:{/h}
  0  Terminated by a signal.
  1  Could not start; the last line gives the reason.
  2  Invalid flags, environment or file; the message names them.

{h}Examples:{/h}
  A meeting on this machine, with the web app:
    convene-media-pod --dev

  For others on the network, media on ports 40000 to 40067, with TLS:
    convene-media-pod --dev --rtc-ports 40000-40067 --announced-address 203.0.113.7 \\
      --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem --allowed-origins https://meet.example.org

  For the mediasoup demo's application, which connects to wss://HOST:4443/:
    convene-media-pod --dev --demo-listen 0.0.0.0:4443 --allowed-origins https://HOST:3000

  Behind a router that admits participants:
    convene-media-pod --config /etc/convene/media-pod.yaml --admission-keys keys.jwks";

/// End of the long help, with the styles of the rest.
pub(super) fn after_long_help() -> clap::builder::StyledStr {
    let header = *clap::builder::Styles::styled().get_header();
    let text = AFTER_LONG_HELP.replace("{h}", &header.render().to_string());
    text.replace("{/h}", &header.render_reset().to_string()).into()
}
