//! What the event loop tells the peering task.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};

use crate::{
    network::{
        exchange::{Failure, Lane, RequestId, Token},
        identify::Info,
        lan,
    },
    node::{
        event_loop::BanNews,
        peering::{TableNews, TableSize},
        sync_link::busy,
        task_link::TaskLink,
    },
    offence::Offence,
    peers::{Change, conduct::Sanction},
    report::Direction,
    wire::Message,
};

/// Inputs that may wait. All but requests of peers and news of the hash table are few.
pub(crate) const INPUT_QUEUE: usize = 1024;

/// Between two sums of what peers contributed. Longer only delays what a score says.
const SUM_INTERVAL: Duration = Duration::from_secs(1);

/// Something that happened.
#[derive(Debug)]
pub(crate) enum PeeringInput {
    /// The addresses this node is bound to.
    Listening { bound: Vec<Multiaddr> },
    /// A connection is up.
    Established {
        peer: PeerId,
        id: ConnectionId,
        direction: Direction,
        address: Multiaddr,
        /// A query of the hash table made it, and nothing else wants it.
        borrowed: bool,
    },
    /// A connection closed, the last one or not.
    Closed {
        peer: PeerId,
        id: ConnectionId,
        last: bool,
    },
    /// A peer's last connection closed.
    Stayed { peer: PeerId },
    /// A dial failed at these addresses.
    DialFailed {
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: Vec<Multiaddr>,
        /// Another peer answered.
        misled: bool,
        /// It reached this very node.
        ourselves: bool,
    },
    /// A peer said who it is, for the first time or again.
    Identified {
        peer: PeerId,
        info: Box<Info>,
        seen_at: Vec<Multiaddr>,
    },
    /// A round trip.
    Rtt { peer: PeerId, rtt: Duration },
    /// A ping without an answer.
    PingLost { peer: PeerId },
    /// A peer did what no honest peer does, and what became of it.
    Offence {
        peer: PeerId,
        offence: Offence,
        detail: String,
        sanction: Sanction,
    },
    /// Rows of bans changed, and who waits for that.
    Bans { rows: Vec<Change>, news: BanNews },
    /// How mDNS is doing, in words.
    LanState(String),
    /// Somebody was seen on the local network.
    Lan(lan::Event),
    /// The hash table answers.
    Dht(TableNews),
    /// What peers contributed since the last sum.
    Merits { merits: HashMap<PeerId, Merit> },
    /// A peer asks.
    Request {
        lane: Lane,
        peer: PeerId,
        message: Message,
        token: Token,
    },
    /// A request of this task was answered, or will not be.
    Response {
        peer: PeerId,
        id: RequestId,
        result: Result<Message, Failure>,
    },
}

/// What a peer contributed in a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Merit {
    /// Gossip messages that were valid and new.
    pub(crate) valid: u32,
    /// Requests it answered with what was asked for.
    pub(crate) served: u32,
    /// Requests it left without an answer in time.
    pub(crate) timeouts: u32,
}

/// The sending end, and the sums that wait for the next second.
pub(crate) struct PeeringLink {
    link: TaskLink<PeeringInput>,
    merits: HashMap<PeerId, Merit>,
    summed: Option<Instant>,
    lan: Option<String>,
    size: TableSize,
}

impl PeeringLink {
    pub(crate) fn new(link: TaskLink<PeeringInput>) -> Self {
        Self {
            link,
            lan: None,
            merits: HashMap::new(),
            summed: None,
            size: TableSize::default(),
        }
    }

    /// Sends what must not be lost: its number is bounded by connections and our own requests.
    pub(crate) fn keep(&mut self, input: PeeringInput) {
        self.link.keep(input);
    }

    /// Hands over what waits.
    pub(crate) fn flush(&mut self) {
        self.link.flush();
    }

    /// A peer asks. What cannot be taken comes back with the answer to give.
    pub(crate) fn request(
        &mut self,
        lane: Lane,
        peer: PeerId,
        message: Message,
        token: Token,
    ) -> Option<(Token, Message)> {
        let input = PeeringInput::Request {
            lane,
            peer,
            message,
            token,
        };
        match self.link.offer(input) {
            Err(PeeringInput::Request { token, .. }) => Some((token, busy())),
            _ => None,
        }
    }

    /// A message of `peer` was valid and new.
    pub(crate) fn valid(&mut self, peer: PeerId) {
        self.merits.entry(peer).or_default().valid += 1;
    }

    /// `peer` answered a request on a lane of data, or did not.
    pub(crate) fn answered(&mut self, peer: PeerId, result: &Result<Message, Failure>) {
        let merit = self.merits.entry(peer).or_default();
        match result {
            Ok(
                Message::Headers(_)
                | Message::Blocks(_)
                | Message::Data(_)
                | Message::Tx(_)
                | Message::Share(_)
                | Message::DaProof(_),
            ) => merit.served += 1,
            Err(Failure::Timeout) => merit.timeouts += 1,
            _ => {}
        }
    }

    /// How mDNS is doing, told when it changes.
    pub(crate) fn lan_state(&mut self, state: String) {
        if self.lan.as_ref() != Some(&state) {
            self.lan = Some(state.clone());
            self.keep(PeeringInput::LanState(state));
        }
    }

    /// How large the hash table is, told when it changes.
    pub(crate) fn table_size(&mut self, size: TableSize) {
        if self.size != size {
            self.size = size;
            self.keep(PeeringInput::Dht(TableNews::Size(size)));
        }
    }

    /// Sends the sums when they are due.
    pub(crate) fn sum(&mut self, now: Instant) {
        let due = |at: Instant| now.saturating_duration_since(at) >= SUM_INTERVAL;
        if !self.merits.is_empty() && self.summed.is_none_or(due) {
            self.summed = Some(now);
            let merits = std::mem::take(&mut self.merits);
            // The sums of a second are no loss.
            let _ = self.link.offer(PeeringInput::Merits { merits });
        }
    }
}
