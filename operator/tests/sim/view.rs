//! Queries and expectations about a simulated cluster.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use convene_crds::names::{ADMISSION_KEY_ID, ADMISSION_KEYS_FILE, LABEL_POOL};
use convene_protocol::admin::SiteState;
use serde_json::Value;

use super::{
    cluster::{is_ending, is_ready, name_of, uid_of},
    kinds::{Key, Kind},
    operator::{HOME, KEYS, SECRET},
    world::{CREW, World},
};

impl World {
    pub(crate) fn object(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.store.get(&Key::new(kind, namespace, name)).ok()
    }

    /// Pods of a pool, including terminating ones.
    pub(crate) fn pods(&self, pool: &str) -> Vec<Arc<Value>> {
        let mut pods = self.store.all(Kind::Pod);
        pods.retain(|pod| pod["metadata"]["labels"][LABEL_POOL] == pool);
        pods
    }

    /// The pod of the meeting, from the store.
    pub(crate) fn pod_object_of(&self, name: &str) -> Option<Arc<Value>> {
        let uid = self.pod_of(name)?;
        self.store.all(Kind::Pod).into_iter().find(|pod| uid_of(pod) == uid)
    }

    /// Exactly this many pods, all of them ready.
    pub(crate) fn expect_ready_pods(&self, pool: &str, count: usize) -> Result<(), String> {
        let pods = self.pods(pool);
        let ready = pods.iter().filter(|pod| is_ready(pod) && !is_ending(pod)).count();
        if ready == count && pods.len() == count {
            return Ok(());
        }
        Err(format!("{ready} of {} pods are ready, not {count}", pods.len()))
    }

    /// The meeting has this phase.
    pub(crate) fn expect_phase(&self, name: &str, phase: &str) -> Result<(), String> {
        let meeting = self.object(Kind::Meeting, CREW, name).ok_or_else(|| format!("there is no meeting {name:?}"))?;
        if meeting["status"]["phase"] == phase
            && meeting["status"]["observedGeneration"] == meeting["metadata"]["generation"]
        {
            return Ok(());
        }
        Err(format!("meeting {name:?} is not {phase}: {}", meeting["status"]))
    }

    /// The object's condition has this reason.
    pub(crate) fn expect_reason(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        type_: &str,
        reason: &str,
    ) -> Result<(), String> {
        let object = self.object(kind, namespace, name).ok_or_else(|| format!("there is no {kind:?} {name:?}"))?;
        let conditions = object["status"]["conditions"].as_array();
        let condition = conditions.into_iter().flatten().find(|condition| condition["type"] == type_);
        if condition.is_some_and(|condition| condition["reason"] == reason) {
            return Ok(());
        }
        Err(format!("{type_} of {name:?} is {condition:?}, not {reason:?}"))
    }

    /// UID of the meeting's pod.
    pub(crate) fn pod_of(&self, name: &str) -> Option<String> {
        let meeting = self.object(Kind::Meeting, CREW, name)?;
        meeting["status"]["pod"]["uid"].as_str().map(str::to_owned)
    }

    /// The meeting has this many participants, on its pod and nowhere else, and its status says so.
    pub(crate) fn expect_participants(&self, name: &str, count: u32) -> Result<(), String> {
        let rooms = self.processes.rooms();
        let rooms: Vec<_> = rooms.iter().filter(|(_, room)| room.name == name && room.participants > 0).collect();
        let (pod, meeting) = (self.pod_of(name), self.object(Kind::Meeting, CREW, name));
        let is_of_meeting = |uid: &str| meeting.as_ref().is_some_and(|meeting| uid_of(meeting) == uid);
        let is_right = match rooms.as_slice() {
            [] => count == 0,
            [(uid, room)] => room.participants == count && Some(uid) == pod.as_ref() && is_of_meeting(&room.uid),
            _ => false,
        };
        let told = meeting.as_ref().map(|meeting| meeting["status"]["participants"].clone());
        if is_right && told.as_ref().and_then(Value::as_u64) == Some(u64::from(count)) {
            return Ok(());
        }
        Err(format!("{count} participants should be in {name:?} on pod {pod:?}: {rooms:?}, its status says {told:?}"))
    }

    /// UIDs of the pods that serve a meeting besides its own.
    pub(crate) fn sites_of(&self, name: &str) -> Vec<String> {
        let meeting = self.object(Kind::Meeting, CREW, name).unwrap_or_default();
        let sites = meeting["status"]["sites"].as_array().into_iter().flatten();
        sites.filter_map(|site| site["uid"].as_str().map(str::to_owned)).collect()
    }

    /// So many pods serve the meeting besides its own: they exist, and its room is linked to them and to no others.
    pub(crate) fn expect_spread(&self, name: &str, count: usize) -> Result<(), String> {
        let (sites, home) = (self.sites_of(name), self.pod_of(name));
        let alive = self.processes.uids();
        let rooms = self.processes.rooms();
        let room = rooms.iter().find(|(uid, room)| Some(uid) == home.as_ref() && room.name == name);
        let linked: Vec<_> = room.iter().flat_map(|(_, room)| &room.sites).collect();
        let is_linked = |uid: &String| linked.iter().any(|site| site.pod == *uid && site.state == SiteState::Linked);
        let is_right = sites.len() == count
            && linked.len() == count
            && sites.iter().all(|uid| Some(uid) != home.as_ref() && alive.contains(uid) && is_linked(uid));
        if is_right {
            Ok(())
        } else {
            Err(format!("{name:?} on {home:?} is spread to {sites:?}, and linked to {linked:?}"))
        }
    }

    /// The meeting's status says that it is recorded, or that it is not.
    pub(crate) fn expect_recording(&self, name: &str, is_recorded: bool) -> Result<(), String> {
        let meeting = self.object(Kind::Meeting, CREW, name).ok_or_else(|| format!("there is no meeting {name:?}"))?;
        let told = meeting["status"]["recording"].as_bool().unwrap_or_default();
        if told == is_recorded { Ok(()) } else { Err(format!("status.recording of {name:?} is {told}")) }
    }

    /// The meeting's status says that there is a backup, and there is one.
    pub(crate) fn expect_backup(&self, name: &str) -> Result<(), String> {
        let meeting = self.object(Kind::Meeting, CREW, name).ok_or_else(|| format!("there is no meeting {name:?}"))?;
        let is_there = self.object(Kind::MeetingBackup, CREW, name).is_some();
        let is_told = meeting["status"]["backup"] == true;
        if is_told && is_there { Ok(()) } else { Err(format!("backup: in the status {is_told}, there {is_there}")) }
    }

    /// The move in the meeting's status.
    pub(crate) fn move_of(&self, name: &str) -> Option<Value> {
        let meeting = self.object(Kind::Meeting, CREW, name)?;
        Some(meeting["status"]["move"].clone()).filter(|record| !record.is_null())
    }

    /// The last move of the meeting ended in this phase, on its pod.
    pub(crate) fn expect_move(&self, name: &str, phase: &str) -> Result<(), String> {
        let record = self.move_of(name).unwrap_or_default();
        let is_right = record["phase"] == phase && record["to"]["uid"].as_str() == self.pod_of(name).as_deref();
        if is_right { Ok(()) } else { Err(format!("the move of {name:?} is {record}, not {phase}")) }
    }

    /// The participants of the meeting have moved with what their room knows, and were never disconnected. An operator that hears late may request
    /// a room that has ended: with random faults a move may fall back, but it ends.
    pub(crate) fn expect_seamless_move(&self, name: &str) -> Result<(), String> {
        if self.is_too_slow() {
            return Ok(());
        }
        if self.weather.is_foul() {
            return self.expect_move(name, "Done").or_else(|_| self.expect_move(name, "Fallback"));
        }
        self.expect_move(name, "Done")?;
        let ended = self.processes.ended();
        if let Some((key, why)) = ended.iter().find(|(key, _)| key.1 == name) {
            return Err(format!("the participants of {key:?} were disconnected: {why:?}"));
        }
        let rooms = self.processes.rooms();
        let room = rooms.iter().map(|(_, room)| room).find(|room| room.name == name && room.participants > 0);
        let has_memory = room.is_some_and(|room| room.restored.is_some() && room.moving.is_none());
        if has_memory { Ok(()) } else { Err(format!("the room of {name:?} has not received its state: {room:?}")) }
    }

    /// Whether a move failed because this machine was so busy that a media pod did not respond in time.
    pub(crate) fn is_too_slow(&self) -> bool {
        let is_slow = |event: &Arc<Value>| {
            let note = event["note"].as_str().unwrap_or_default();
            event["reason"] == "MoveFellBack"
                && ["did not respond within", "in time"].iter().any(|text| note.contains(text))
        };
        self.store.all(Kind::Event).iter().any(is_slow)
    }

    /// What must hold once nothing changes.
    pub(crate) fn expect_order(&self) -> Result<(), String> {
        let pods = self.store.all(Kind::Pod);
        let alive: BTreeSet<_> = pods.iter().filter(|pod| !is_ending(pod)).map(|pod| uid_of(pod)).collect();
        for meeting in self.store.all(Kind::Meeting) {
            if let Some(uid) = meeting["status"]["pod"]["uid"].as_str().filter(|uid| !alive.contains(uid)) {
                return Err(format!("meeting {:?} is on pod {uid:?}, which is gone", name_of(&meeting)));
            }
        }
        let pools = self.store.all(Kind::MediaPool);
        for pod in &pods {
            expect_no_crowding(pod, &pools, &self.store.all(Kind::Meeting))?;
            if !pools.iter().any(|pool| pod["metadata"]["labels"][LABEL_POOL] == pool["metadata"]["name"]) {
                return Err(format!("pod {:?} has no pool", name_of(pod)));
            }
        }
        self.expect_statuses(&pools)?;
        self.expect_ended_moves()?;
        self.expect_reported()?;
        self.expect_keys()
    }

    /// The pods trust the operator's key.
    fn expect_keys(&self) -> Result<(), String> {
        let secret = self.object(Kind::Secret, HOME, SECRET).ok_or("there is no Secret")?;
        let kid = secret["data"][ADMISSION_KEY_ID].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
        let kid = kid.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or("the Secret has no key")?;
        let map = self.object(Kind::ConfigMap, HOME, KEYS).ok_or("there is no ConfigMap")?;
        let keys = map["data"][ADMISSION_KEYS_FILE].as_str().unwrap_or_default();
        if keys.contains(&kid) { Ok(()) } else { Err(format!("the ConfigMap has {keys:?} and not the key {kid:?}")) }
    }

    /// No room waits for the participants from before its meeting moved.
    fn expect_reported(&self) -> Result<(), String> {
        match self.processes.rooms().iter().find(|(_, room)| room.awaits_returning) {
            Some((pod, room)) => {
                Err(format!("room {:?} on pod {pod:?} waits for the participants who may rejoin", room.name))
            }
            None => Ok(()),
        }
    }

    /// No move is under way, and no room waits for one.
    fn expect_ended_moves(&self) -> Result<(), String> {
        for meeting in self.store.all(Kind::Meeting) {
            let record = &meeting["status"]["move"];
            if !record.is_null() && record["phase"] != "Done" && record["phase"] != "Fallback" {
                return Err(format!("meeting {:?} still moves: {record}", name_of(&meeting)));
            }
        }
        match self.processes.rooms().iter().find(|(_, room)| room.moving.is_some()) {
            Some((pod, room)) => Err(format!("room {:?} on pod {pod:?} waits: {:?}", room.name, room.moving)),
            None => Ok(()),
        }
    }

    fn expect_statuses(&self, pools: &[Arc<Value>]) -> Result<(), String> {
        for pool in pools {
            let (told, there) = (&pool["status"]["pods"]["total"], self.pods(name_of(pool)).len());
            if told.as_u64() != u64::try_from(there).ok() {
                return Err(format!("pool {:?} reports {told} pods, not {there}", name_of(pool)));
            }
        }
        Ok(())
    }
}

/// No pod has more meetings than its pool allows.
fn expect_no_crowding(pod: &Value, pools: &[Arc<Value>], meetings: &[Arc<Value>]) -> Result<(), String> {
    let there = meetings.iter().filter(|meeting| meeting["status"]["pod"]["uid"] == pod["metadata"]["uid"]).count();
    let pool = pools.iter().find(|pool| pod["metadata"]["labels"][LABEL_POOL] == pool["metadata"]["name"]);
    let limit = pool.and_then(|pool| pool["spec"]["capacity"]["meetings"].as_u64());
    if limit.is_some_and(|limit| u64::try_from(there).is_ok_and(|there| there > limit)) {
        return Err(format!("pod {:?} carries {there} meetings, at most {limit:?} are allowed", name_of(pod)));
    }
    Ok(())
}
