//! What is asked and answered about messages between applications: `messages`, `send`,
//! `gossip stats`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    gossip::app::Delivery, identity::peer_id_from_digest, ids::Hash32, network::direct,
    report::GossipReport,
};

/// Which application messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesRequest {
    /// Only those about it.
    #[serde(default)]
    pub topic: Option<String>,
    /// Recent ones, then those that arrive, until the client goes away.
    #[serde(default)]
    pub follow: bool,
    /// End after as many.
    #[serde(default)]
    pub count: Option<u64>,
}

/// A direct message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRequest {
    /// PeerId of whom it is for.
    pub peer: String,
    /// Its kind.
    pub kind: String,
    /// What it says.
    #[serde(flatten)]
    pub content: SendContent,
}

/// What a direct message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendContent {
    /// These bytes, hex.
    Payload(String),
    /// A file that is streamed, absolute, on the node's machine.
    Path(PathBuf),
}

/// Answer of `send`: the receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SendReport {
    /// Who has it.
    pub peer_id: String,
    /// Its kind.
    pub kind: String,
    /// Bytes of content.
    pub bytes: u64,
    /// Milliseconds from the writing of the message to its receipt.
    pub took_ms: f64,
}

/// An item of `messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageItem {
    /// A message.
    Message(MessageReport),
    /// As many were lost, because they were not read fast enough.
    Missed(u64),
}

/// An application message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageReport {
    /// What identifies it.
    pub id: Hash32,
    /// What it is about.
    pub topic: String,
    /// PeerId of the node whose identity signed it; `null` on `app/unsigned`.
    pub sender: Option<String>,
    /// The sender's number for it.
    pub seq: Option<u64>,
    /// When, by the sender's clock, milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// When its life ends.
    pub expires_ms: u64,
    /// Milliseconds from `created_ms` to its arrival.
    pub delay_ms: u64,
    /// Bytes of payload.
    pub bytes: usize,
    /// The payload, if it is UTF-8.
    pub text: Option<String>,
    /// The payload, hex.
    pub payload: String,
}

/// End of `messages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesReport {
    /// Messages given.
    pub messages: u64,
    /// Messages lost.
    pub missed: u64,
}

/// Answer of `gossip stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GossipStats {
    /// What arrived by gossip.
    #[serde(flatten)]
    pub gossip: GossipReport,
    /// Direct messages.
    pub direct: DirectReport,
}

/// Direct messages since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectReport {
    /// Written.
    pub sent: u64,
    /// Bytes of their content.
    pub sent_bytes: u64,
    /// Acknowledged and taken.
    pub acknowledged: u64,
    /// Acknowledged and not taken.
    pub refused: u64,
    /// Arrived and taken.
    pub received: u64,
    /// Bytes of their content.
    pub received_bytes: u64,
    /// Arrived for nobody.
    pub unwanted: u64,
}

impl From<&Delivery> for MessageReport {
    fn from(d: &Delivery) -> Self {
        Self {
            id: d.id,
            topic: d.topic.clone(),
            sender: d
                .sender
                .map(|(digest, _)| peer_id_from_digest(digest).to_string()),
            seq: d.sender.map(|(_, seq)| seq),
            created_ms: d.created_ms,
            expires_ms: d.expires_ms,
            delay_ms: d.delay_ms,
            bytes: d.payload.len(),
            text: std::str::from_utf8(&d.payload).ok().map(str::to_owned),
            payload: hex::encode(&d.payload),
        }
    }
}

impl From<direct::Stats> for DirectReport {
    fn from(s: direct::Stats) -> Self {
        Self {
            sent: s.sent,
            sent_bytes: s.sent_bytes,
            acknowledged: s.acknowledged,
            refused: s.refused,
            received: s.received,
            received_bytes: s.received_bytes,
            unwanted: s.unwanted,
        }
    }
}
