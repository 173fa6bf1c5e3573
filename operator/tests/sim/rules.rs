//! Invariants of every simulation, checked at each change.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use convene_crds::names::{ANNOTATION_DRAINING, ANNOTATION_RTC_PORTS, LABEL_POOL};
use convene_operator::PortRange;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    cluster::{is_ending, name_of, uid_of},
    kinds::Kind,
    operator::REST,
    pods::Processes,
    store::{Actor, Change},
};

/// Checks every change.
#[derive(Debug)]
pub(crate) struct Rules {
    processes: Arc<Processes>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    blocks: BTreeMap<String, Block>,
    freed: Vec<(Block, Instant)>,
    /// Drain deadline of each pool, in seconds.
    deadlines: BTreeMap<String, i64>,
    /// Surge of each pool while pods are being replaced.
    limits: BTreeMap<String, u64>,
    broken: Vec<String>,
}

#[derive(Clone, Debug)]
struct Block {
    pod: String,
    pool: String,
    /// UID of its pool: held-back blocks are forgotten with the pool.
    owner: String,
    is_on_nodes: bool,
    ports: PortRange,
    is_ending: bool,
}

impl Block {
    fn of(pod: &Value) -> Option<Self> {
        let ports = pod["metadata"]["annotations"][ANNOTATION_RTC_PORTS].as_str()?.parse().ok()?;
        let list = pod["spec"]["containers"][0]["ports"].as_array();
        let is_on_nodes =
            pod["spec"]["hostNetwork"] == true || list.into_iter().flatten().any(|port| port["hostPort"].is_u64());
        let pool = pod["metadata"]["labels"][LABEL_POOL].as_str().unwrap_or_default().to_owned();
        let owner = pod["metadata"]["ownerReferences"][0]["uid"].as_str().unwrap_or_default().to_owned();
        Some(Self { pod: name_of(pod).to_owned(), pool, owner, is_on_nodes, ports, is_ending: is_ending(pod) })
    }

    fn is_in_the_way_of(&self, other: &Self) -> bool {
        self.ports.overlaps(other.ports) && (self.pool == other.pool || (self.is_on_nodes && other.is_on_nodes))
    }
}

impl Rules {
    pub(crate) fn new(processes: &Arc<Processes>) -> Arc<Self> {
        Arc::new(Self { processes: Arc::clone(processes), state: Mutex::default() })
    }

    /// Violations so far.
    pub(crate) fn broken(&self) -> Vec<String> {
        self.state.lock().expect("nothing panics here").broken.clone()
    }

    pub(crate) fn check(&self, change: &Change) {
        let mut state = self.state.lock().expect("nothing panics here");
        if change.key.kind == Kind::MediaPool {
            let broken = self.check_removal(change, &state);
            state.broken.extend(broken);
            let seconds = change.after["spec"]["drain"]["deadlineSeconds"].as_i64().unwrap_or(300);
            state.deadlines.insert(change.key.name.clone(), seconds);
            let count = |pointer| change.after.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
            let limit = count("/spec/max") + count("/spec/rollout/maxSurge");
            state.limits.insert(change.key.name.clone(), limit);
        }
        if change.key.kind != Kind::Pod {
            return;
        }
        if change.before.is_none() {
            check_block(&mut state, &change.after);
        }
        if let Some(block) = state.blocks.get_mut(uid_of(&change.after)) {
            block.is_ending = is_ending(&change.after);
        }
        if let Some(broken) = self.check_participants(change, &state.deadlines) {
            state.broken.push(broken);
        }
        if change.is_removal
            && let Some(block) = state.blocks.remove(uid_of(&change.after))
        {
            state.freed.push((block, change.at));
        }
    }

    /// A removed pool takes its pods with it, so these must have no participants.
    fn check_removal(&self, change: &Change, state: &State) -> Option<String> {
        let of_pool = |(_, block): &(&String, &Block)| block.owner == uid_of(&change.after) && !block.is_ending;
        let people: u32 = state.blocks.iter().filter(of_pool).map(|(uid, _)| self.processes.people_in(uid)).sum();
        let name = &change.key.name;
        (change.is_removal && people > 0)
            .then(|| format!("pool {name:?} was removed with {people} participants on its pods"))
    }

    /// No participant is disconnected: the operator deletes pods only when they are empty or their deadline has passed.
    fn check_participants(&self, change: &Change, deadlines: &BTreeMap<String, i64>) -> Option<String> {
        let was_ending = change.before.as_ref().is_some_and(|before| is_ending(before));
        let is_deletion = change.is_removal || is_ending(&change.after);
        if change.actor != Actor::Operator || was_ending || !is_deletion {
            return None;
        }
        let people = self.processes.people_in(uid_of(&change.after));
        if people == 0 || had_its_time(&change.after, deadlines) {
            return None;
        }
        Some(format!("pod {:?} was deleted with {people} participants", name_of(&change.after)))
    }
}

/// Whether the pod has been draining until its pool's deadline.
fn had_its_time(pod: &Value, deadlines: &BTreeMap<String, i64>) -> bool {
    let since = pod["metadata"]["annotations"][ANNOTATION_DRAINING].as_str();
    let since: Option<Timestamp> = since.and_then(|text| text.split(' ').next()?.parse().ok());
    let deadline = pod["metadata"]["labels"][LABEL_POOL].as_str().and_then(|pool| deadlines.get(pool));
    since.zip(deadline).is_some_and(|(since, seconds)| Timestamp::now().as_second() - since.as_second() >= *seconds)
}

fn check_block(state: &mut State, pod: &Value) {
    let Some(block) = Block::of(pod) else { return };
    let mut broken = Vec::new();
    for other in state.blocks.values().filter(|other| other.is_in_the_way_of(&block)) {
        broken.push(format!("pods {:?} and {:?} share ports of {}", other.pod, block.pod, block.ports));
    }
    let resting = state
        .freed
        .iter()
        .filter(|(freed, at)| freed.owner == block.owner && freed.is_in_the_way_of(&block) && at.elapsed() < REST);
    for (freed, at) in resting {
        let rested = at.elapsed();
        broken.push(format!("pod {:?} got ports {} {rested:?} after {:?}", block.pod, block.ports, freed.pod));
    }
    let pool = block.pool.clone();
    state.blocks.insert(uid_of(pod).to_owned(), block);
    let live = state.blocks.values().filter(|block| block.pool == pool && !block.is_ending).count();
    if let Some(limit) = state.limits.get(&pool).filter(|limit| u64::try_from(live).is_ok_and(|live| live > **limit)) {
        broken.push(format!("pool {pool:?} has {live} pods, at most {limit} are allowed"));
    }
    state.broken.extend(broken);
}
