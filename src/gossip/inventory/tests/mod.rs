mod announcing;
mod asking;
mod events;
mod hostile;

use std::time::{Duration, Instant};

use super::*;
use crate::{
    chain::object_id,
    wire::{Busy, Credits, Data, ErrorCode, GetData, Item, Message},
};
use bytes::Bytes;
use libp2p::PeerId;

pub(super) fn peer(n: u8) -> PeerId {
    let multihash = [&[0, 32][..], &[n; 32]].concat();
    PeerId::from_bytes(&multihash).expect("an identity multihash")
}

fn object(n: u64) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

fn item(n: u64) -> Item {
    Item {
        kind: ItemKind::Tx,
        id: object_id(&object(n)),
    }
}

fn items(n: std::ops::Range<u64>) -> Vec<Item> {
    n.map(item).collect()
}

fn data(objects: &[u64], missing: &[u64]) -> Option<Message> {
    Some(Message::Data(Data {
        kind: ItemKind::Tx,
        objects: objects.iter().map(|n| object(*n)).collect(),
        missing: missing.iter().map(|n| item(*n).id).collect(),
    }))
}

fn busy(retry_after_ms: u64) -> Option<Message> {
    Some(Message::Busy(Busy {
        retry_after_ms,
        credits: Credits::INITIAL,
    }))
}

const ACK: Option<Message> = Some(Message::Ack { seq: 0 });

/// An engine with its clock and what came out of it since it was last looked at.
struct Bench {
    engine: Inventory,
    now: Instant,
}

impl Bench {
    /// With inbound peers 1 to `peers`.
    fn with(peers: u8, limits: Limits) -> Self {
        let mut engine = Inventory::new(limits, 7);
        (1..=peers).for_each(|n| engine.up(peer(n), false));
        let now = Instant::now();
        Self { engine, now }
    }

    fn new(peers: u8) -> Self {
        Self::with(peers, Limits::default())
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.engine.tick(self.now);
    }

    fn millis(&mut self, n: u64) {
        self.pass(Duration::from_millis(n));
    }

    /// Lets the next timeout pass.
    fn time_out(&mut self) {
        let next = self.engine.next_timeout().expect("something is due");
        self.pass(next.saturating_duration_since(self.now));
    }

    fn announced(&mut self, n: u8, items: &[Item]) {
        self.engine.announced(peer(n), items, |_| false, self.now);
    }

    fn answer(&mut self, n: u8, id: RequestId, answer: Option<Message>) {
        self.engine.answer(peer(n), id, answer, self.now);
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.engine.poll_output()).collect()
    }

    /// Requests for objects: whom, which, how many.
    fn requests(&mut self) -> Vec<(PeerId, RequestId, usize)> {
        let requests = self.outputs().into_iter().map(|output| match output {
            Output::Request {
                peer,
                id,
                message: Message::GetData(GetData { ids, .. }),
            } => (peer, id, ids.len()),
            other => panic!("{other:?}"),
        });
        requests.collect()
    }

    /// The one request there is.
    fn request(&mut self) -> (PeerId, RequestId) {
        let requests = self.requests();
        let [(peer, id, _)] = requests[..] else {
            panic!("{requests:?}")
        };
        (peer, id)
    }

    /// Announcements: to whom, which, of how many.
    fn announcements(&mut self) -> Vec<(PeerId, RequestId, usize)> {
        let outputs = self.outputs().into_iter().map(|output| match output {
            Output::Announce {
                peer,
                id,
                message: Message::Inv(inv),
            } => (peer, id, inv.items.len()),
            other => panic!("{other:?}"),
        });
        outputs.collect()
    }
}
