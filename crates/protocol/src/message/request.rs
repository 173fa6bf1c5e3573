//! The table of requests: everything that a client may send, which clients may send it, and in which form.
//!
//! The reader ([`ClientRequest::parse`]), the room's first decision, `docs/protocol.md` and the TypeScript are derived from it. A new
//! request is one line here, the type of its data in [`super::payload`], and its handler in the room. Requests and notifications share
//! their names: the newer demo notifies where the older one requests, so those are accepted in either form.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::payload::{
    ChatHistory, ChatHistoryAnswer, ChatSent, ChatText, ConnectTransport, ConsumerRef, CreateTransport,
    DataConsumerRef, DataProducerRef, DisplayName, IceParametersAnswer, Join, JoinAnswer, Knock, MuteParticipant,
    NoData, PeerRef, PreferredLayers, Priority, Produce, ProduceAnswer, ProduceData, ProduceDataAnswer, ProducerRef,
    RaiseHand, RoomLobby, RoomLock, RouterCapabilitiesAnswer, SendReaction, SetModerator, SetPermissions, StatsAnswer,
    Throttle, TransportAnswer, TransportRef, WatchedPeers,
};

/// The clients that may send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// Every client. A client in the lobby gets the answer once it is admitted.
    Anyone,
    /// Clients that were admitted to the room, whether they have joined or not.
    Admitted,
    /// Participants: clients that have joined.
    Participant,
    /// Participants who moderate.
    Moderator,
    /// Clients that wait in the lobby.
    Waiting,
}

impl Sender {
    /// The name in the documentation and in TypeScript.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Admitted => "admitted",
            Self::Participant => "participant",
            Self::Moderator => "moderator",
            Self::Waiting => "waiting",
        }
    }
}

/// The form in which a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As a request, which is answered. As a notification it is dropped: the client would not learn the id of what it creates.
    Request,
    /// As a request, or as a notification without an answer.
    RequestOrNotification,
}

impl Form {
    /// The name in the documentation and in TypeScript.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::RequestOrNotification => "request or notification",
        }
    }
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// The method.
    pub name: &'static str,
    /// Its effect, in one sentence.
    pub description: &'static str,
    /// The type of its data.
    pub data: &'static str,
    /// The type of the answer. Clients of the older dialect get bare statistics instead of a `StatsAnswer`.
    pub answer: &'static str,
    /// The clients that may send it.
    pub sender: Sender,
    /// The form in which it may be sent.
    pub form: Form,
}

macro_rules! requests {
    ($(
        $(#[doc = $description:literal])+
        $name:literal: $variant:ident($data:ident) -> $answer:ident, $sender:ident, $form:ident;
    )*) => {
        /// Everything that a client may send. The JSON is `{ "method": …, "data": … }`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
        #[serde(tag = "method", content = "data")]
        #[ts(export, export_to = "messages.ts")]
        pub enum ClientRequest {
            $($(#[doc = $description])+ #[serde(rename = $name)] $variant($data),)*
        }

        impl ClientRequest {
            /// The table.
            pub const TABLE: &'static [RequestInfo] = &[$(RequestInfo {
                name: $name,
                description: concat!($($description),+),
                data: stringify!($data),
                answer: stringify!($answer),
                sender: Sender::$sender,
                form: Form::$form,
            }),*];

            /// The method, also for metric labels.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// The clients that may send it.
            pub fn sender(&self) -> Sender {
                match self {
                    $(Self::$variant(_) => Sender::$sender,)*
                }
            }

            /// The form in which it may be sent.
            pub fn form(&self) -> Form {
                match self {
                    $(Self::$variant(_) => Form::$form,)*
                }
            }
        }

        /// The types of the answers exist.
        const _: () = {
            $(_ = size_of::<$answer>();)*
        };
    };
}

requests! {
    /// Returns the URL to which the client sends RTC statistics; there is none.
    "getRtcStatsUrl": GetRtcStatsUrl(NoData) -> NoData, Anyone, Request;
    /// Returns the RTP capabilities of the room's router.
    "getRouterRtpCapabilities": GetRouterRtpCapabilities(NoData) -> RouterCapabilitiesAnswer, Anyone, Request;
    /// Creates a WebRTC transport.
    "createWebRtcTransport": CreateWebRtcTransport(CreateTransport) -> TransportAnswer, Admitted, Request;
    /// Passes the client's DTLS parameters to a transport.
    "connectWebRtcTransport": ConnectWebRtcTransport(ConnectTransport) -> NoData, Admitted, Request;
    /// Creates new ICE credentials for a transport.
    "restartIce": RestartIce(TransportRef) -> IceParametersAnswer, Admitted, Request;
    /// Joins the meeting.
    "join": Join(Join) -> JoinAnswer, Admitted, Request;
    /// Sends audio or video.
    "produce": Produce(Produce) -> ProduceAnswer, Participant, Request;
    /// Sends messages over a data channel.
    "produceData": ProduceData(ProduceData) -> ProduceDataAnswer, Participant, Request;
    /// Stops sending.
    "closeProducer": CloseProducer(ProducerRef) -> NoData, Admitted, RequestOrNotification;
    /// Pauses sending.
    "pauseProducer": PauseProducer(ProducerRef) -> NoData, Admitted, RequestOrNotification;
    /// Resumes sending.
    "resumeProducer": ResumeProducer(ProducerRef) -> NoData, Admitted, RequestOrNotification;
    /// Pauses receiving.
    "pauseConsumer": PauseConsumer(ConsumerRef) -> NoData, Admitted, RequestOrNotification;
    /// Resumes receiving.
    "resumeConsumer": ResumeConsumer(ConsumerRef) -> NoData, Admitted, RequestOrNotification;
    /// Requests a key frame from the sender.
    "requestConsumerKeyFrame": RequestConsumerKeyFrame(ConsumerRef) -> NoData, Admitted, RequestOrNotification;
    /// Sets the highest layers of a simulcast or SVC stream to receive.
    "setConsumerPreferredLayers": SetConsumerPreferredLayers(PreferredLayers) -> NoData, Admitted, RequestOrNotification;
    /// Sets a consumer's priority when bandwidth is short.
    "setConsumerPriority": SetConsumerPriority(Priority) -> NoData, Admitted, RequestOrNotification;
    /// Changes the display name.
    "changeDisplayName": ChangeDisplayName(DisplayName) -> NoData, Participant, RequestOrNotification;
    /// Returns statistics of a transport.
    "getTransportStats": GetTransportStats(TransportRef) -> StatsAnswer, Admitted, Request;
    /// Returns statistics of a producer.
    "getProducerStats": GetProducerStats(ProducerRef) -> StatsAnswer, Admitted, Request;
    /// Returns statistics of a consumer.
    "getConsumerStats": GetConsumerStats(ConsumerRef) -> StatsAnswer, Admitted, Request;
    /// Returns statistics of a data producer.
    "getDataProducerStats": GetDataProducerStats(DataProducerRef) -> StatsAnswer, Admitted, Request;
    /// Returns statistics of a data consumer.
    "getDataConsumerStats": GetDataConsumerStats(DataConsumerRef) -> StatsAnswer, Admitted, Request;
    /// Returns a page of the chat.
    "getChatHistory": GetChatHistory(ChatHistory) -> ChatHistoryAnswer, Participant, Request;
    /// Sends a chat message without a data channel.
    "sendChatMessage": SendChatMessage(ChatText) -> ChatSent, Participant, Request;
    /// Raises or lowers the hand.
    "raiseHand": RaiseHand(RaiseHand) -> NoData, Participant, Request;
    /// Shows the others a reaction.
    "sendReaction": SendReaction(SendReaction) -> NoData, Participant, Request;
    /// Sets the peers whose video the client shows.
    "setWatchedPeers": SetWatchedPeers(WatchedPeers) -> NoData, Participant, RequestOrNotification;
    /// Tells the moderators the name of a client in the lobby.
    "knock": Knock(Knock) -> NoData, Waiting, Request;
    /// Admits a client from the lobby.
    "admitPeer": AdmitPeer(PeerRef) -> NoData, Moderator, Request;
    /// Denies a client in the lobby.
    "refusePeer": RefusePeer(PeerRef) -> NoData, Moderator, Request;
    /// Admits all clients from the lobby.
    "admitAll": AdmitAll(NoData) -> NoData, Moderator, Request;
    /// Locks the room for new participants, or unlocks it.
    "setRoomLock": SetRoomLock(RoomLock) -> NoData, Moderator, Request;
    /// Turns the lobby for new participants on or off.
    "setRoomLobby": SetRoomLobby(RoomLobby) -> NoData, Moderator, Request;
    /// Pauses audio or video of a participant, or closes a shared screen.
    "muteParticipant": MuteParticipant(MuteParticipant) -> NoData, Moderator, Request;
    /// Asks a participant to turn the microphone on.
    "askToUnmute": AskToUnmute(PeerRef) -> NoData, Moderator, Request;
    /// Removes a participant for the rest of the meeting.
    "removeParticipant": RemoveParticipant(PeerRef) -> NoData, Moderator, Request;
    /// Changes what a participant may send.
    "setPermissions": SetPermissions(SetPermissions) -> NoData, Moderator, Request;
    /// Makes a participant a moderator, or no longer one.
    "setModerator": SetModerator(SetModerator) -> NoData, Moderator, Request;
    /// Lowers a participant's hand.
    "lowerHand": LowerHand(PeerRef) -> NoData, Moderator, Request;
    /// Ends the meeting.
    "endMeeting": EndMeeting(NoData) -> NoData, Moderator, Request;
    /// Reports that the client has moved: it receives everything from the pod to which the meeting moves.
    "moved": Moved(NoData) -> NoData, Participant, RequestOrNotification;
    /// Throttles the network, for tests of the demo's authors. Always refused.
    "applyNetworkThrottle": ApplyNetworkThrottle(Throttle) -> NoData, Admitted, Request;
    /// Ends network throttling (older name). Always refused.
    "resetNetworkThrottle": ResetNetworkThrottle(Throttle) -> NoData, Admitted, Request;
    /// Ends network throttling (newer name). Always refused.
    "stopNetworkThrottle": StopNetworkThrottle(Throttle) -> NoData, Admitted, Request;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Channel, Direction, MediaKind, Source};
    use serde_json::json;

    #[test]
    fn both_dialects_name_the_direction() {
        let cases = [
            (json!({ "appData": { "direction": "producer" } }), Some(Direction::Producer)),
            (json!({ "appData": { "direction": "consumer" } }), Some(Direction::Consumer)),
            (json!({ "forceTcp": true, "producing": true, "consuming": false }), Some(Direction::Producer)),
            (json!({ "forceTcp": false, "producing": false, "consuming": true }), Some(Direction::Consumer)),
        ];
        for (data, direction) in cases {
            let Ok(ClientRequest::CreateWebRtcTransport(create)) =
                ClientRequest::parse("createWebRtcTransport", data.clone())
            else {
                panic!("refused: {data}");
            };
            assert_eq!(create.direction(), direction, "{data}");
        }
    }

    #[test]
    fn both_dialects_name_the_source() {
        let cases = [
            (MediaKind::Audio, json!({ "source": "audio" }), Source::Audio),
            (MediaKind::Video, json!({ "source": "screensharing" }), Source::Screensharing),
            (MediaKind::Video, json!({ "share": true }), Source::Screensharing),
            (MediaKind::Video, json!({}), Source::Video),
            (MediaKind::Audio, json!(null), Source::Audio),
        ];
        for (kind, app_data, source) in cases {
            let produce = Produce {
                transport_id: "t".into(),
                kind,
                rtp_parameters: json!({}),
                paused: None,
                app_data: app_data.clone(),
            };
            assert_eq!(produce.source(), source, "{app_data}");
        }
    }

    #[test]
    fn both_dialects_name_the_channel() {
        let cases = [
            ("chat", json!({ "channel": "bot" }), Channel::Bot),
            ("bot", json!({ "channel": "chat" }), Channel::Chat),
            ("bot", json!({ "info": "my-bot-DataProducer" }), Channel::Bot),
            ("chat", json!({}), Channel::Chat),
            ("", json!(null), Channel::Chat),
        ];
        for (label, app_data, channel) in cases {
            let data = json!({ "transportId": "t", "sctpStreamParameters": {}, "label": label, "appData": app_data });
            let Ok(ClientRequest::ProduceData(produce)) = ClientRequest::parse("produceData", data.clone()) else {
                panic!("refused: {data}");
            };
            assert_eq!(produce.channel(), channel, "{data}");
        }
    }

    #[test]
    fn app_data_without_a_direction_leaves_it_to_the_older_spelling() {
        for app_data in [json!({}), json!({ "direction": null }), json!(null), json!({ "info": "x" })] {
            let data = json!({ "producing": false, "consuming": true, "appData": app_data });
            let create: CreateTransport = serde_json::from_value(data).unwrap();
            assert_eq!((create.direction(), create.app_data), (Some(Direction::Consumer), None), "{app_data}");
        }
        let wrong = json!({ "consuming": true, "appData": { "direction": "sideways" } });
        assert!(serde_json::from_value::<CreateTransport>(wrong).is_err());
    }

    #[test]
    fn null_stands_for_absent_fields() {
        let cases = [
            ("createWebRtcTransport", json!({ "producing": true, "consuming": null, "forceTcp": null })),
            ("join", json!({ "displayName": "Ada", "device": null, "rtpCapabilities": null })),
            ("produceData", json!({ "transportId": "t", "sctpStreamParameters": {}, "label": null, "protocol": null })),
            ("setConsumerPreferredLayers", json!({ "consumerId": "c", "spatialLayer": 1, "temporalLayer": null })),
            ("getChatHistory", json!({ "follow": null })),
        ];
        for (method, with_null) in cases {
            let mut without = with_null.clone();
            without.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let (read, expected) = (ClientRequest::parse(method, with_null), ClientRequest::parse(method, without));
            assert!(expected.is_ok(), "{expected:?}");
            assert_eq!(read, expected);
        }
    }
}
