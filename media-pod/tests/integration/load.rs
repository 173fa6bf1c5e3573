//! The load tool against a real pod: what publishers send arrives at all subscribers.

use std::time::Duration;

use convene_load::{Plan, Report, run};

use crate::support::Pod;

fn plan(pod: &Pod) -> Plan {
    Plan {
        target: format!("ws://{}/signal/load", pod.address).parse().unwrap(),
        token: None,
        subscriber_token: None,
        publishers: 2,
        subscribers: 10,
        meetings: 1,
        video_bitrate: 600_000,
        frames_per_second: 30,
        simulcast: false,
        audio: true,
        duration: Duration::from_secs(3),
        settle: Duration::from_secs(1),
        newcomers: 0,
        ramp: 50.0,
        churn: 0.0,
        step_limit: Duration::from_secs(30),
        server_pid: Some(std::process::id()),
        server_cgroup: None,
    }
}

async fn report(plan: Plan) -> Report {
    let report = run(plan, |_| ()).await.unwrap_or_else(|error| panic!("{error}: {error:?}"));
    assert!(report.is_complete(), "{report}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn all_packets_of_two_publishers_arrive_at_ten_subscribers() {
    let pod = Pod::start().await;
    let report = report(Plan { newcomers: 1, ..plan(&pod) }).await;
    let (joins, media) = (&report.joins, &report.media);
    assert_eq!((joins.succeeded, joins.first_packet.count, joins.first_key_frame.count), (13, 10, 10), "{report}");
    assert_eq!(joins.newcomer.count, 10, "{report}");
    assert_eq!(media.lost, 0, "{report}");
    // How many depends on the machine: on a busy one, the last streams begin late.
    assert!(media.delivered > media.sent && media.sent > 0, "{} sent; {report}", media.sent);
    assert!(media.delay.count == media.delivered && media.delay.p50_ms < 2_000.0, "{report}");
    assert!(report.server.micros_per_packet.is_some_and(|micros| micros > 0.0), "{report}");
    pod.until_stats("emptiness", |stats| stats["participants"] == 0 && stats["transports"] == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_arrive_in_several_meetings_while_subscribers_come_and_go() {
    let pod = Pod::start().await;
    let churning = Plan { meetings: 2, simulcast: true, subscribers: 6, churn: 4.0, ..plan(&pod) };
    let report = report(churning).await;
    assert!(report.joins.attempted > 8 && report.joins.first_key_frame.count >= 6, "{report}");
    // How many, and whether another key frame is among them, depends on the machine.
    assert!(report.media.delivered > 100, "{report}");
}
