//! Actions of users on the cluster, and the required end state, whatever faults occur.

use std::{collections::BTreeSet, sync::Arc};

use convene_crds::names::{ANNOTATION_ANNOUNCED_PORTS, FINALIZER_DRAIN};
use convene_protocol::admin::EndReason;
use futures_util::future::{BoxFuture, FutureExt};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    cluster::{is_ending, name_of, uid_of},
    kinds::Kind,
    operator::HOME,
    store::format_time,
    world::{CREW, POOL, World},
};

/// Steps and their end state.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) steps: fn(Arc<World>) -> BoxFuture<'static, Result<(), String>>,
    pub(crate) end: fn(&World) -> Result<(), String>,
}

macro_rules! scenario {
    ($name:literal, $steps:ident, $end:ident) => {
        Scenario { name: $name, steps: |world| async move { $steps(&world).await }.boxed(), end: $end }
    };
}

/// All scenarios.
pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario!("the first meetings get a fresh pod", open_first_meetings, first_meetings_are_open),
    scenario!("the pool grows up to its maximum", fill_pool, pool_is_full),
    scenario!("the pool shrinks when meetings go", shrink_pool, pool_has_shrunk),
    scenario!("participants of a killed pod meet again", kill_pod, regatta_goes_on),
    scenario!("a pod that is cut off gives up its meeting", cut_off_pod, regatta_has_left_the_pod_that_was_cut_off),
    scenario!("a recording starts, and ends with its pod", kill_pod_of_recorded_meeting, regatta_is_not_recorded),
    scenario!("a locked meeting takes its participants along", kill_pod_of_locked_meeting, regatta_goes_on),
    scenario!("what was decided survives a killed pod", kill_pod_of_decided_meeting, decision_is_known),
    scenario!("a namespace has one dedicated meeting", dedicate_pods, one_regatta_is_alone),
    scenario!("a deleted meeting ends its call", delete_meeting, call_is_over),
    scenario!("a meeting that is created again is another one", remake_meeting, regatta_is_another),
    scenario!("a deleted pool lets its participants finish", delete_pool, pool_is_gone),
    scenario!("a deleted pool ends calls at its deadline", delete_pool_of_endless_call, pool_is_gone_and_the_call_over),
    scenario!("a pool that is created again has pods of its own", remake_pool, regatta_goes_on),
    scenario!("a restarted operator goes on where the other was", restart_operator, first_meetings_are_open),
    scenario!("a new template moves all participants", change_template, all_are_on_the_new_template),
    scenario!("a move during a move waits for it", move_again, all_are_on_the_new_template),
    scenario!("an overfull pod is relieved of a meeting", overfill_pod, overfull_pod_is_relieved),
    scenario!("a meeting is spread over two pods, of which one is lost", spread_meeting, regatta_is_spread),
    scenario!("participants of older media pods reconnect", drain_old_pods, participants_have_reconnected),
    scenario!("a full pool without surge replaces its pod", replace_the_only_pod, the_only_pod_is_new),
    scenario!("a cordoned node is left", cordon_node, node_is_empty),
    scenario!("a dedicated meeting is alone", dedicate_pod, regatta_is_alone),
    scenario!("a meeting ends on time and is deleted", end_on_time, regatta_is_no_more),
    scenario!("pods behind node ports announce them", open_node_ports, node_ports_are_announced),
];

/// Any number that no room has by itself.
const DECISION: u64 = 7;
const ONE_EACH: fn() -> Value = || json!({"capacity": {"meetings": 1}, "max": 5});

/// This many meetings are ready, each on its own pod.
fn expect_apart(world: &World, names: &[&str]) -> Result<(), String> {
    let pods: BTreeSet<_> = names.iter().filter_map(|name| world.pod_of(name)).collect();
    if pods.len() == names.len() { Ok(()) } else { Err(format!("{names:?} are on {pods:?}")) }
}

fn expect_gone(world: &World, kind: Kind, namespace: &str, name: &str) -> Result<(), String> {
    if world.object(kind, namespace, name).is_none() {
        Ok(())
    } else {
        Err(format!("{kind:?} {name:?} is still there"))
    }
}

/// A meeting with participants and another one, each on its own pod, and a spare pod.
async fn open_two_apart(world: &World) -> Result<(), String> {
    world.pool(ONE_EACH());
    world.meeting("briefing", json!({}));
    open_regatta(world).await?;
    world.wait("three pods", |world| world.expect_ready_pods(POOL, 3)).await
}

fn expect_two_apart(world: &World) -> Result<(), String> {
    world.expect_phase("briefing", "Ready")?;
    world.expect_phase("regatta", "Ready")?;
    world.expect_participants("regatta", 3)?;
    expect_apart(world, &["briefing", "regatta"])?;
    world.expect_ready_pods(POOL, 3)
}

const NEW_IMAGE: &str = "registry.test/media:2";

fn set_image(world: &World) {
    world.change(Kind::MediaPool, HOME, POOL, &json!({"spec": {"image": NEW_IMAGE}}));
}

fn expect_new_images(world: &World) -> Result<(), String> {
    let pods = world.pods(POOL);
    let old: Vec<_> =
        pods.iter().filter(|pod| pod["spec"]["containers"][0]["image"] != NEW_IMAGE).map(|pod| name_of(pod)).collect();
    if old.is_empty() { Ok(()) } else { Err(format!("{old:?} are made from the old template")) }
}

/// Three participants are in the meeting `regatta`.
async fn open_regatta(world: &World) -> Result<(), String> {
    world.meeting("regatta", json!({}));
    world.processes.gather(CREW, "regatta", 3);
    world.wait("participants in the regatta", |world| world.expect_participants("regatta", 3)).await
}

async fn open_first_meetings(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    for name in ["briefing", "dinner"] {
        world.meeting(name, json!({}));
    }
    open_regatta(world).await
}

fn first_meetings_are_open(world: &World) -> Result<(), String> {
    for name in ["briefing", "dinner", "regatta"] {
        world.expect_phase(name, "Ready")?;
    }
    world.expect_participants("regatta", 3)?;
    world.expect_ready_pods(POOL, 2)
}

const BOATS: [&str; 6] = ["cutter", "dinghy", "galley", "ketch", "sloop", "yawl"];

#[allow(clippy::unused_async, reason = "steps are async, and these wait for nothing")]
async fn fill_pool(world: &World) -> Result<(), String> {
    world.pool(
        json!({"capacity": {"meetings": 1}, "max": 4, "rollout": {"maxSurge": 0}, "namespaceLimits": {"meetings": 9}}),
    );
    for name in BOATS {
        world.meeting(name, json!({}));
    }
    Ok(())
}

fn pool_is_full(world: &World) -> Result<(), String> {
    let (ready, waiting): (Vec<_>, Vec<_>) =
        BOATS.into_iter().partition(|name| world.expect_phase(name, "Ready").is_ok());
    if ready.len() != 4 {
        return Err(format!("{ready:?} are ready"));
    }
    for name in waiting {
        world.expect_phase(name, "Pending")?;
        world.expect_reason(Kind::Meeting, CREW, name, "Ready", "PoolFull")?;
    }
    expect_apart(world, &ready)?;
    world.expect_ready_pods(POOL, 4)
}

async fn shrink_pool(world: &World) -> Result<(), String> {
    world.pool(ONE_EACH());
    for name in ["cutter", "dinghy"] {
        world.meeting(name, json!({}));
    }
    open_regatta(world).await?;
    world.wait("four pods", |world| world.expect_ready_pods(POOL, 4)).await?;
    for name in ["cutter", "dinghy"] {
        world.delete(Kind::Meeting, CREW, name, None);
    }
    Ok(())
}

fn pool_has_shrunk(world: &World) -> Result<(), String> {
    regatta_goes_on(world)
}

pub(crate) async fn kill_pod_of_locked_meeting(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    world.meeting("regatta", json!({"locked": true}));
    world.processes.gather(CREW, "regatta", 3);
    // Until the operator has learned the participants, they cannot rejoin past the lock.
    let is_heard = |world: &World| match world.processes.unreported() {
        0 => world.expect_participants("regatta", 3),
        unreported => Err(format!("{unreported} processes have news")),
    };
    world.settle("participants in the regatta, known to the operator", is_heard).await?;
    kill_pod_of_regatta(world)
}

async fn kill_pod_of_decided_meeting(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    open_regatta(world).await?;
    world.processes.decide(CREW, "regatta", DECISION);
    world.wait("a backup of the regatta", |world| world.expect_backup("regatta")).await?;
    kill_pod_of_regatta(world)
}

fn decision_is_known(world: &World) -> Result<(), String> {
    regatta_goes_on(world)?;
    let rooms = world.processes.rooms();
    if rooms.iter().all(|(_, room)| room.name != "regatta" || room.backup == Some(DECISION)) {
        return Ok(());
    }
    Err(format!("a room does not know what was decided: {rooms:?}"))
}

async fn kill_pod_of_recorded_meeting(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    open_regatta(world).await?;
    world.processes.record(CREW, "regatta", true);
    world.wait("a recorded regatta", |world| world.expect_recording("regatta", true)).await?;
    // The room ends with its pod; participants rejoin, the recorder does not.
    kill_pod_of_regatta(world)?;
    world.processes.record(CREW, "regatta", false);
    Ok(())
}

fn regatta_is_not_recorded(world: &World) -> Result<(), String> {
    regatta_goes_on(world)?;
    world.expect_recording("regatta", false)
}

async fn kill_pod(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    open_regatta(world).await?;
    kill_pod_of_regatta(world)
}

/// Only the operator notices: Kubernetes takes its time, and the participants have no router here that reconnects them. When the pod
/// returns, its room ends, and they join the one on the new pod.
async fn cut_off_pod(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    open_regatta(world).await?;
    world.wait("a spare pod", |world| world.expect_ready_pods(POOL, 2)).await?;
    let lost = world.pod_of("regatta").ok_or("the regatta has lost its pod")?;
    world.processes.mute(&lost, true);
    let has_left = |world: &World| match world.pod_of("regatta") {
        Some(pod) if pod != lost => Ok(()),
        other => Err(format!("the regatta is on {other:?}")),
    };
    world.wait("the regatta leaves the pod that is cut off", has_left).await?;
    world.processes.mute(&lost, false);
    Ok(())
}

fn regatta_has_left_the_pod_that_was_cut_off(world: &World) -> Result<(), String> {
    let ended = world.processes.ended();
    if !ended.iter().any(|(key, why)| key.1 == "regatta" && *why == EndReason::Moved) {
        return Err(format!("ended so far: {ended:?}"));
    }
    let open = world.processes.rooms().len();
    if open == 1 { regatta_goes_on(world) } else { Err(format!("{open} rooms are open")) }
}

fn kill_pod_of_regatta(world: &World) -> Result<(), String> {
    let uid = world.pod_of("regatta").ok_or("the regatta has lost its pod")?;
    kill_pod_with(world, &uid);
    Ok(())
}

fn kill_pod_with(world: &World, uid: &str) {
    for pod in world.pods(POOL).iter().filter(|pod| uid_of(pod) == uid) {
        world.delete(Kind::Pod, HOME, name_of(pod), Some(0));
    }
}

/// On one pod, with another one as a spare.
fn regatta_goes_on(world: &World) -> Result<(), String> {
    world.expect_phase("regatta", "Ready")?;
    world.expect_participants("regatta", 3)?;
    world.expect_ready_pods(POOL, 2)
}

async fn delete_meeting(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    open_regatta(world).await?;
    world.delete(Kind::Meeting, CREW, "regatta", None);
    Ok(())
}

fn call_is_over(world: &World) -> Result<(), String> {
    expect_gone(world, Kind::Meeting, CREW, "regatta")?;
    let ended = world.processes.ended();
    if !ended.iter().any(|(key, why)| key.1 == "regatta" && *why == EndReason::Ended) {
        return Err(format!("ended so far: {ended:?}"));
    }
    if !world.processes.rooms().is_empty() {
        return Err(format!("rooms that are left: {:?}", world.processes.rooms()));
    }
    world.expect_ready_pods(POOL, 1)
}

/// Deleted and immediately created again: the participants were in another meeting.
async fn remake_meeting(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    open_regatta(world).await?;
    world.delete(Kind::Meeting, CREW, "regatta", None);
    world.meeting("regatta", json!({}));
    Ok(())
}

/// Participants of the old meeting were permanently disconnected; those between two pods at that moment have opened the URL again.
fn regatta_is_another(world: &World) -> Result<(), String> {
    world.expect_phase("regatta", "Ready")?;
    world.expect_participants("regatta", 0).or_else(|_| world.expect_participants("regatta", 3))?;
    world.expect_ready_pods(POOL, 2)
}

/// Other meetings lose their place, and the call continues; then all participants leave.
async fn delete_pool(world: &World) -> Result<(), String> {
    world.pool(json!({"capacity": {"meetings": 1}}));
    world.meeting("briefing", json!({}));
    open_regatta(world).await?;
    delete_pool_under_call(world).await?;
    world.meeting("dinner", json!({}));
    let is_going = |world: &World| {
        world.expect_reason(Kind::MediaPool, HOME, POOL, "Ready", "Deleting")?;
        for name in ["briefing", "dinner"] {
            world.expect_reason(Kind::Meeting, CREW, name, "Ready", "PoolDeleting")?;
        }
        world.expect_phase("regatta", "Draining")?;
        world.expect_participants("regatta", 3)?;
        if world.pods(POOL).len() == 1 { Ok(()) } else { Err(format!("{} pods are left", world.pods(POOL).len())) }
    };
    world.settle("a pool that waits for the call", is_going).await?;
    world.processes.gather(CREW, "regatta", 0);
    Ok(())
}

async fn delete_pool_of_endless_call(world: &World) -> Result<(), String> {
    world.pool(json!({"drain": {"deadlineSeconds": 10}}));
    open_regatta(world).await?;
    delete_pool_under_call(world).await
}

/// Once the pool has its finalizer, which it gets before its first pod.
async fn delete_pool_under_call(world: &World) -> Result<(), String> {
    let pool = world.object(Kind::MediaPool, HOME, POOL).ok_or("there is no pool")?;
    if pool["metadata"]["finalizers"] != json!([FINALIZER_DRAIN]) {
        return Err(format!("a pool with pods has no finalizer: {}", pool["metadata"]));
    }
    world.delete(Kind::MediaPool, HOME, POOL, None);
    world
        .wait("the pool's deletion", |world| {
            world.object(Kind::MediaPool, HOME, POOL).map(|_| ()).ok_or("it is gone".into())
        })
        .await
}

fn pool_is_gone_and_the_call_over(world: &World) -> Result<(), String> {
    let ended = world.processes.ended();
    if !ended.iter().any(|(key, why)| key.1 == "regatta" && *why == EndReason::Ended) {
        return Err(format!("ended so far: {ended:?}"));
    }
    pool_is_gone(world)
}

fn pool_is_gone(world: &World) -> Result<(), String> {
    expect_gone(world, Kind::MediaPool, HOME, POOL)?;
    world.expect_participants("regatta", 0)?;
    world.expect_phase("regatta", "Pending")?;
    world.expect_reason(Kind::Meeting, CREW, "regatta", "Accepted", "PoolNotFound")?;
    world.expect_ready_pods(POOL, 0)
}

async fn remake_pool(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    open_regatta(world).await?;
    let old: BTreeSet<_> = world.pods(POOL).iter().map(|pod| uid_of(pod).to_owned()).collect();
    world.delete(Kind::MediaPool, HOME, POOL, None);
    world.processes.gather(CREW, "regatta", 0);
    world.wait("the end of the old pool", |world| expect_gone(world, Kind::MediaPool, HOME, POOL)).await?;
    world.pool(json!({}));
    world.processes.gather(CREW, "regatta", 3);
    world
        .wait("the end of the old pods", |world| {
            let left = world.pods(POOL).iter().filter(|pod| old.contains(uid_of(pod)) && !is_ending(pod)).count();
            if left == 0 { Ok(()) } else { Err(format!("{left} old pods are left")) }
        })
        .await
}

async fn restart_operator(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    world.meeting("briefing", json!({}));
    open_regatta(world).await?;
    world.restart_operator();
    world.meeting("dinner", json!({}));
    Ok(())
}

async fn change_template(world: &World) -> Result<(), String> {
    open_two_apart(world).await?;
    set_image(world);
    Ok(())
}

fn all_are_on_the_new_template(world: &World) -> Result<(), String> {
    expect_new_images(world)?;
    expect_two_apart(world)?;
    world.expect_seamless_move("regatta")
}

/// The pod that the meeting moves to is outdated before the participants have arrived.
async fn move_again(world: &World) -> Result<(), String> {
    cordon_node(world).await?;
    let before = world.pod_of("regatta");
    // An operator that hears late of participants takes the meeting for an empty one, which moves without a record.
    let has_left = |world: &World| world.weather.is_foul() && world.pod_of("regatta") != before;
    let moves = |world: &World| match world.move_of("regatta") {
        None if !has_left(world) => Err("the regatta stays".into()),
        _ => Ok(()),
    };
    world.wait("a regatta that moves", moves).await?;
    set_image(world);
    Ok(())
}

/// Three meetings share a pod and grow beyond its capacity. None of them is ever empty, or it would move for that reason.
async fn overfill_pod(world: &World) -> Result<(), String> {
    world.pool(json!({"capacity": {"participants": 10}}));
    let gather = |counts: [u32; 3]| {
        for (name, count) in SHARING.into_iter().zip(counts) {
            world.processes.gather(CREW, name, count);
        }
    };
    for name in SHARING {
        world.meeting(name, json!({"maxParticipants": 5}));
    }
    gather([2, 2, 2]);
    let are_in = |world: &World| SHARING.iter().try_for_each(|name| world.expect_participants(name, 2));
    world.wait("participants in all meetings", are_in).await?;
    gather([3, 5, 5]);
    Ok(())
}

/// Three participants are most of what one pod takes.
async fn spread_meeting(world: &World) -> Result<(), String> {
    world.pool(json!({"capacity": {"participants": 4}, "pipePorts": 4, "max": 4}));
    world.meeting("regatta", json!({"maxParticipants": 8, "spread": {"maxPods": 2}}));
    world.processes.gather(CREW, "regatta", 3);
    world.wait("two pods that serve the regatta", regatta_is_spread).await?;
    let site = world.sites_of("regatta").pop().ok_or("the regatta has lost its other pod")?;
    kill_pod_with(world, &site);
    Ok(())
}

fn regatta_is_spread(world: &World) -> Result<(), String> {
    world.expect_phase("regatta", "Ready")?;
    world.expect_participants("regatta", 3)?;
    world.expect_spread("regatta", 1)
}

const SHARING: [&str; 3] = ["regatta", "briefing", "dinner"];

/// The pod of this meeting did not respond in time, because this machine was so busy.
fn has_lost_pod(world: &World, name: &str) -> bool {
    let meeting = world.object(Kind::Meeting, CREW, name);
    meeting.is_some_and(|meeting| meeting["status"]["pod"]["insteadOf"].is_string())
}

/// Without the smallest meeting the pod is no longer overfull. If the move has failed, it stays for some minutes, and so does a meeting that has
/// lost its pod.
fn overfull_pod_is_relieved(world: &World) -> Result<(), String> {
    for (name, count) in SHARING.into_iter().zip([3, 5, 5]) {
        world.expect_phase(name, "Ready")?;
        world.expect_participants(name, count)?;
    }
    if SHARING.into_iter().any(|name| has_lost_pod(world, name)) {
        return Ok(());
    }
    let record = world.move_of("regatta").unwrap_or_default();
    let has_stayed =
        record["phase"] == "Fallback" && record["from"]["uid"].as_str() == world.pod_of("regatta").as_deref();
    if has_stayed && (world.weather.is_foul() || world.is_too_slow()) {
        return Ok(());
    }
    if world.pod_of("briefing") != world.pod_of("dinner") {
        return Err("the others no longer share a pod".to_owned());
    }
    expect_apart(world, &["briefing", "regatta"])?;
    world.expect_seamless_move("regatta")?;
    world.expect_ready_pods(POOL, 3)
}

async fn drain_old_pods(world: &World) -> Result<(), String> {
    open_two_apart(world).await?;
    world.processes.age();
    set_image(world);
    Ok(())
}

/// Where they have reconnected is not said: an operator that takes over in between takes the meeting for an empty one until they are back, and may
/// move it once more.
fn participants_have_reconnected(world: &World) -> Result<(), String> {
    expect_new_images(world)?;
    expect_two_apart(world)?;
    let record = world.move_of("regatta").unwrap_or_default();
    if record["phase"] == "Fallback" { Ok(()) } else { Err(format!("the move of the regatta is {record}")) }
}

/// There is no pod to move participants to, so the pod is deleted at its deadline, and they wait for its successor.
async fn replace_the_only_pod(world: &World) -> Result<(), String> {
    let drain = json!({"deadlineSeconds": 10});
    world.pool(json!({"max": 1, "warm": 0, "rollout": {"maxSurge": 0}, "drain": drain}));
    open_regatta(world).await?;
    set_image(world);
    Ok(())
}

fn the_only_pod_is_new(world: &World) -> Result<(), String> {
    expect_new_images(world)?;
    world.expect_phase("regatta", "Ready")?;
    world.expect_participants("regatta", 3)?;
    world.expect_ready_pods(POOL, 1)
}

async fn cordon_node(world: &World) -> Result<(), String> {
    open_two_apart(world).await?;
    let pod = world.pod_object_of("regatta").ok_or("the regatta has lost its pod")?;
    let node = pod["spec"]["nodeName"].as_str().ok_or("the pod has no node")?;
    world.change(Kind::Node, "", node, &json!({"spec": {"unschedulable": true}}));
    Ok(())
}

fn node_is_empty(world: &World) -> Result<(), String> {
    let nodes = world.store.all(Kind::Node);
    for node in nodes.iter().filter(|node| node["spec"]["unschedulable"] == true) {
        let pods = world.pods(POOL);
        let left: Vec<_> = pods
            .iter()
            .filter(|pod| pod["spec"]["nodeName"] == node["metadata"]["name"])
            .map(|pod| name_of(pod))
            .collect();
        if !left.is_empty() {
            return Err(format!("{left:?} are still on {:?}", name_of(node)));
        }
    }
    expect_two_apart(world)?;
    world.expect_seamless_move("regatta")
}

async fn dedicate_pod(world: &World) -> Result<(), String> {
    world.pool(json!({"max": 4}));
    world.meeting("briefing", json!({}));
    world.meeting("regatta", json!({"placement": "Dedicated"}));
    world.meeting("dinner", json!({}));
    world.processes.gather(CREW, "regatta", 3);
    world.wait("participants in the regatta", |world| world.expect_participants("regatta", 3)).await
}

fn regatta_is_alone(world: &World) -> Result<(), String> {
    for name in ["briefing", "dinner", "regatta"] {
        world.expect_phase(name, "Ready")?;
    }
    world.expect_participants("regatta", 3)?;
    for other in ["briefing", "dinner"] {
        if world.pod_of(other) == world.pod_of("regatta") {
            return Err(format!("{other:?} is on the pod of the regatta"));
        }
    }
    if world.pod_of("briefing") != world.pod_of("dinner") {
        return Err("the shared meetings share no pod".to_owned());
    }
    world.expect_ready_pods(POOL, 3)
}

#[allow(clippy::unused_async, reason = "steps are async, and these wait for nothing")]
async fn dedicate_pods(world: &World) -> Result<(), String> {
    world.pool(json!({"max": 4, "warm": 0}));
    for name in BOATS {
        world.meeting(name, json!({"placement": "Dedicated"}));
    }
    world.meeting("briefing", json!({}));
    Ok(())
}

/// The others wait, and no pods are kept for them.
fn one_regatta_is_alone(world: &World) -> Result<(), String> {
    let (ready, waiting): (Vec<_>, Vec<_>) =
        BOATS.into_iter().partition(|name| world.expect_phase(name, "Ready").is_ok());
    if ready.len() != 1 {
        return Err(format!("{ready:?} are ready"));
    }
    for name in waiting {
        world.expect_phase(name, "Pending")?;
        world.expect_reason(Kind::Meeting, CREW, name, "Assigned", "NamespaceShareUsed")?;
    }
    world.expect_phase("briefing", "Ready")?;
    world.expect_ready_pods(POOL, 2)
}

async fn end_on_time(world: &World) -> Result<(), String> {
    world.pool(json!({}));
    let end = format_time(Timestamp::now().as_second() + 4);
    world.meeting("regatta", json!({"endsAt": end, "ttlAfterEnded": 1}));
    world.processes.gather(CREW, "regatta", 3);
    world.wait("the end of the regatta", |world| expect_gone(world, Kind::Meeting, CREW, "regatta")).await
}

fn regatta_is_no_more(world: &World) -> Result<(), String> {
    expect_gone(world, Kind::Meeting, CREW, "regatta")?;
    if !world.processes.rooms().is_empty() {
        return Err(format!("rooms that are left: {:?}", world.processes.rooms()));
    }
    world.expect_ready_pods(POOL, 1)
}

async fn open_node_ports(world: &World) -> Result<(), String> {
    world.pool(json!({"exposure": "NodePort"}));
    open_regatta(world).await
}

fn node_ports_are_announced(world: &World) -> Result<(), String> {
    regatta_goes_on(world)?;
    let services = world.store.all(Kind::Service);
    if services.len() != world.pods(POOL).len() {
        return Err(format!("there are {} Services", services.len()));
    }
    let meeting = world.object(Kind::Meeting, CREW, "regatta").ok_or("there is no regatta")?;
    let told = meeting["status"]["pod"]["announcedPorts"].as_str().unwrap_or_default();
    let name = meeting["status"]["pod"]["name"].as_str().unwrap_or_default();
    let pod = world.object(Kind::Pod, HOME, name).ok_or("there is no pod")?;
    if told.is_empty() || pod["metadata"]["annotations"][ANNOTATION_ANNOUNCED_PORTS] != told {
        return Err(format!("the meeting has ports {told:?}: {}", pod["metadata"]));
    }
    Ok(())
}
