//! The book against floods, outages, restarts and clocks.

mod dialling;
mod entries;
mod flood;
mod records;
mod restart;
mod specification;

use libp2p::{Multiaddr, PeerId};
use rand::SeedableRng;

use crate::{
    clock::{Clock, ManualClock, Now, Rng},
    identity::peer_id_from_digest,
    ids::{ChainId, Hash32},
};

use super::{Book, BookConfig, Candidate, Origin, Retry, Scope, Source, engine::Learnt};

const START: u64 = 1_700_000_000_000;
const GENESIS: Hash32 = Hash32([3; 32]);

fn id(n: u64) -> PeerId {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&n.to_be_bytes());
    peer_id_from_digest(Hash32(digest))
}

fn config(scope: Scope) -> BookConfig {
    BookConfig {
        me: id(u64::MAX),
        chain: ChainId(7),
        genesis: GENESIS,
        scope,
        retry: Retry::default(),
    }
}

fn at(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

/// Host `n` of a /16 of the public internet: there are 9 000 such groups.
fn host(group: u64, n: u64) -> Multiaddr {
    let (a, b) = (20 + group / 250 % 36, group % 250);
    let (c, d) = (n / 250 % 250, n % 250);
    at(&format!("/ip4/{a}.{b}.{c}.{d}/tcp/{}", 1 + n / 62_500))
}

fn exchange(group: u64) -> Origin {
    Origin::remote(Source::Exchange, &host(group, 1))
}

/// A book and its clock.
struct World {
    book: Book,
    clock: ManualClock,
    rng: Rng,
}

impl World {
    fn new(scope: Scope) -> Self {
        let clock = ManualClock::at_wall_ms(START);
        Self {
            book: Book::new(config(scope), [9; 16], clock.now()),
            clock,
            rng: Rng::seed_from_u64(1),
        }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn learn(&mut self, n: u64, address: &Multiaddr, origin: Origin) -> Learnt {
        let now = self.now();
        self.book
            .learn(id(n), std::slice::from_ref(address), origin, now)
    }

    /// Learns and reaches a peer.
    fn reach(&mut self, n: u64, address: &Multiaddr) {
        self.learn(n, address, exchange(n));
        self.book.succeeded(&id(n), address, self.clock.now());
    }

    fn pick(&mut self) -> Option<Candidate> {
        let now = self.now();
        self.book.pick(&mut self.rng, |_, _| true, now)
    }

    fn knows(&self, n: u64) -> bool {
        self.book.entries.contains_key(&id(n))
    }
}
