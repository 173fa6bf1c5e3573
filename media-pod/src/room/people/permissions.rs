//! Permissions of participants, from their grants and the settings of the meeting. Pure; it changes no permissions.

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use convene_protocol::message::{Channel, MediaKind, Permissions, PublishSource, Source};

use crate::room::answer::Refusal;
use crate::room::interface::settings::MeetingSettings;

/// The permission that a stream needs: it depends on both the source that the client named and the kind.
pub(crate) fn needed_for(kind: MediaKind, source: Source) -> PublishSource {
    match (source, kind) {
        (Source::Screensharing, _) => PublishSource::Share,
        (_, MediaKind::Audio) => PublishSource::Audio,
        (_, MediaKind::Video) => PublishSource::Video,
    }
}

pub(crate) fn has(publish: PublishGrant, source: PublishSource) -> bool {
    match source {
        PublishSource::Audio => publish.audio,
        PublishSource::Video => publish.video,
        PublishSource::Share => publish.share,
    }
}

/// The sources that a participant may send, by its grant and the settings combined.
pub(crate) fn publish_of(grant: &ParticipantGrant, settings: &MeetingSettings) -> PublishGrant {
    let PublishGrant { audio, video, share } = grant.publish;
    let is_on_stage = !grant.hidden && !grant.viewer;
    PublishGrant {
        audio: is_on_stage && audio,
        video: is_on_stage && video,
        share: is_on_stage && share && settings.has_screen_share,
    }
}

/// The same as the participant's client gets it, with its other permissions.
pub(crate) fn permissions_of(grant: &ParticipantGrant, settings: &MeetingSettings) -> Permissions {
    Permissions {
        moderator: grant.moderator,
        publish: publish_of(grant, settings),
        publish_data: grant.publish_data && !grant.hidden,
        subscribe: grant.subscribe,
        hidden: grant.hidden,
        viewer: grant.viewer,
        chat: settings.has_chat,
        screen_share: settings.has_screen_share,
        identity: grant.identity.clone(),
        name: grant.name.clone(),
    }
}

pub(crate) fn check_publish(
    grant: &ParticipantGrant,
    settings: &MeetingSettings,
    source: PublishSource,
) -> Result<(), Refusal> {
    if has(publish_of(grant, settings), source) {
        return Ok(());
    }
    Err(Refusal::forbidden(match source {
        _ if grant.hidden => "you are hidden and cannot send media",
        _ if grant.viewer => "you are a viewer and cannot send media: a moderator can bring you on stage",
        PublishSource::Share if !settings.has_screen_share => "screen sharing is off in this meeting",
        PublishSource::Audio => "you may not send audio",
        PublishSource::Video => "you may not send video",
        PublishSource::Share => "you may not share a screen",
    }))
}

/// Whether the participant may send chat messages.
pub(crate) fn check_message(grant: &ParticipantGrant) -> Result<(), Refusal> {
    match (grant.hidden, grant.publish_data) {
        (true, _) => Err(Refusal::forbidden("you are hidden and cannot send messages")),
        (_, false) => Err(Refusal::forbidden("you may not send messages")),
        _ => Ok(()),
    }
}

/// Whether the participant may open data channels: they would reach every other participant without passing the room.
pub(crate) fn check_data(grant: &ParticipantGrant) -> Result<(), Refusal> {
    if grant.viewer {
        return Err(Refusal::forbidden("you are a viewer and cannot open data channels"));
    }
    check_message(grant)
}

pub(crate) fn check_subscribe(grant: &ParticipantGrant) -> Result<(), Refusal> {
    if grant.subscribe { Ok(()) } else { Err(Refusal::forbidden("you may not receive what others send")) }
}

pub(crate) fn check_chat(settings: &MeetingSettings) -> Result<(), Refusal> {
    if settings.has_chat { Ok(()) } else { Err(Refusal::forbidden("the chat is off in this meeting")) }
}

pub(crate) fn check_channel(settings: &MeetingSettings, channel: Channel) -> Result<(), Refusal> {
    match channel {
        Channel::Chat => check_chat(settings),
        Channel::Bot => Ok(()),
    }
}

pub(crate) fn check_receive_plain(grant: &ParticipantGrant) -> Result<(), Refusal> {
    let reason = "you may not receive by plain RTP: that needs a join token with receivePlain";
    if grant.receive_plain { Ok(()) } else { Err(Refusal::forbidden(reason)) }
}
