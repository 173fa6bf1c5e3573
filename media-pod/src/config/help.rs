//! What `--help` says around the flags.

/// Start of the long help.
pub(super) const ABOUT: &str = "\
Forwards the audio and video of meetings.

Speaks the signaling protocol of the mediasoup demo (protoo over WebSocket, both of its dialects) at \
/signal/{namespace}/{name}?peerId=…, takes broadcasters by HTTP, and moves media on its block of RTC ports, UDP and TCP. In a \
cluster the operator starts it; alone, start it with --dev and open http://localhost:8080/m/hello.";

/// End of the short help.
pub(super) const AFTER_HELP: &str = "Every flag may come from the environment or a file instead: see --help.";

/// End of the long help. `{h}` and `{/h}` are where a heading starts and ends.
const AFTER_LONG_HELP: &str = "\
{h}Environment:{/h}
  Every flag may be given by a variable: CONVENE_ and the flag's name in capitals, with _ for -,
  such as CONVENE_RTC_PORTS=40000-40067. A switch is on for true, yes, on and 1, and off for
  false, no, off and 0.

  RUST_LOG  What is logged: error, warn, info (the default), debug, trace; also by module:
            info,convene_media_pod::signaling=debug.

{h}Configuration file:{/h}
  YAML, one `flag: value` per line, without the dashes in front. A flag on the command line wins
  over the environment, that over the file, and the file over the default. What the pod does not
  know is refused.

    dev: true
    rtc-ports: 40000-40067
    announced-address: [203.0.113.7, 2001:db8::7]

{h}Signals:{/h}
  SIGTERM, SIGINT  Nobody is let in any more, clients are told to come back elsewhere, and the
                   pod ends within --shutdown-grace.

{h}Exit status:{/h}
  0  Ended by a signal.
  1  Cannot work; the last line says why.
  2  Wrong flags, environment or file; the message says which.

{h}Examples:{/h}
  A meeting on this machine, with the web app:
    convene-media-pod --dev

  For others on the network, media on ports 40000 to 40067, by TLS:
    convene-media-pod --dev --rtc-ports 40000-40067 --announced-address 203.0.113.7 \\
      --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem --allowed-origins https://meet.example.org

  For the app of the mediasoup demo, which connects to wss://HOST:4443/:
    convene-media-pod --dev --demo-listen 0.0.0.0:4443 --allowed-origins https://HOST:3000

  Behind a router that admits people:
    convene-media-pod --config /etc/convene/media-pod.yaml --admission-keys keys.jwks";

/// End of the long help, styled like the rest of it.
pub(super) fn after_long_help() -> clap::builder::StyledStr {
    let header = *clap::builder::Styles::styled().get_header();
    let text = AFTER_LONG_HELP.replace("{h}", &header.render().to_string());
    text.replace("{/h}", &header.render_reset().to_string()).into()
}
