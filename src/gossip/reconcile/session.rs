//! One set against one peer: symbols until they decode, or a list of keys where that is cheaper,
//! then the ids of the keys that are new here.

use super::{DecodeError, Decoder, Encoder, Progress, key::Keys, mapping::END};
use crate::{
    ids::Hash32,
    registry::{MAX_SKETCH_IDS, MAX_SKETCH_KEYS, MAX_SKETCH_SYMBOLS},
    wire::{
        GetSketch, HEADER_LEN, Salt, ShortKey, Sketch, SketchPart, SketchQuery, SketchSet, Symbol,
    },
};

/// Symbols asked for at first: 0.9 KB. They decode some thirty differences and tell how many more
/// there are within 18 %. Fewer would tell less and take one round trip more; more would cost more
/// where nothing differs, which is the usual case.
const FIRST_SYMBOLS: u32 = 64;

/// Bytes of a short key on the wire.
const KEY_LEN: usize = 8;

/// The requester's side of one reconciliation. Each answer consumes it and gives what comes next.
#[derive(Clone, Debug)]
pub struct Session {
    set: SketchSet,
    salt: Salt,
    /// How many items are here.
    here: usize,
    /// Tag and size of the peer's set, as the parts so far have it.
    state: Option<(u64, u32)>,
    phase: Phase,
    stats: Stats,
}

#[derive(Clone, Debug)]
enum Phase {
    Symbols {
        decoder: Decoder,
        asked: u32,
    },
    Keys {
        local: Encoder,
        keys: Vec<ShortKey>,
        asked: usize,
    },
    Ids {
        /// Not asked for yet.
        wanted: Vec<ShortKey>,
        /// In increasing order.
        asked: Vec<ShortKey>,
    },
}

/// What an answer led to.
#[derive(Clone, Debug)]
pub struct Step {
    /// Ids that the peer has and we have not.
    pub fetch: Vec<Hash32>,
    /// Ids that we have and the peer has not.
    pub offer: Vec<Hash32>,
    /// What comes next.
    pub next: Next,
}

/// What comes next in a session.
#[derive(Clone, Debug)]
pub enum Next {
    /// Ask this, and give the answer to the session.
    Ask(Box<Session>, GetSketch),
    /// The sets are known to each other.
    Done(Stats),
    /// It leads nowhere, which is nobody's fault.
    GaveUp(GiveUp, Stats),
    /// The peer named an id that it was not asked for.
    Unasked(Stats),
}

/// Why a reconciliation was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GiveUp {
    /// The peer is busy.
    Busy,
    /// The peer does not keep this set.
    Unsupported,
    /// No answer, or an error in its place.
    NoAnswer,
    /// The peer is gone.
    Gone,
    /// The peer's set changed between two parts and it did not keep the old one.
    Changed,
    /// The parts contradict each other.
    Inconsistent,
}

/// What a reconciliation cost and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of frames sent and received, with their headers.
    pub bytes: usize,
    /// Requests that were answered.
    pub round_trips: u32,
    /// Symbols received.
    pub symbols: usize,
    /// Short keys received in the list that took the place of symbols.
    pub listed: usize,
    /// Items the peer said it has.
    pub there: usize,
    /// Items that only we have.
    pub only_here: usize,
    /// Items that only the peer has.
    pub only_there: usize,
    /// Ids of the latter that were learned; the others had left the peer's set.
    pub learned: usize,
}

impl GiveUp {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::Busy,
        Self::Unsupported,
        Self::NoAnswer,
        Self::Gone,
        Self::Changed,
        Self::Inconsistent,
    ];

    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Unsupported => "unsupported",
            Self::NoAnswer => "no_answer",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Inconsistent => "inconsistent",
        }
    }
}

impl Stats {
    /// Bytes that an inventory of the peer's whole set would have cost, less those that were spent.
    #[must_use]
    pub fn saved(&self) -> usize {
        (32 * self.there).saturating_sub(self.bytes)
    }
}

impl Session {
    /// Begins a session over `set`, of which `local` is what is here, and the first request.
    #[must_use]
    pub fn open(
        set: SketchSet,
        salt: Salt,
        local: impl IntoIterator<Item = Hash32>,
    ) -> (Self, GetSketch) {
        let decoder = Decoder::new(salt, local);
        let mut session = Self {
            set,
            salt,
            here: decoder.local().len(),
            state: None,
            phase: Phase::Symbols {
                decoder,
                asked: FIRST_SYMBOLS,
            },
            stats: Stats::default(),
        };
        let query = SketchQuery::Symbols {
            from: 0,
            count: FIRST_SYMBOLS,
        };
        let request = session.request(query);
        (session, request)
    }

    /// Which set it is about.
    #[must_use]
    pub fn set(&self) -> SketchSet {
        self.set
    }

    /// What it cost so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Takes the answer to the last request.
    #[must_use]
    pub fn answer(mut self, sketch: Sketch) -> Step {
        self.stats.round_trips += 1;
        self.stats.bytes += sketch.payload_len() + HEADER_LEN;
        let is_ids = matches!(self.phase, Phase::Ids { .. });
        let state = (sketch.tag, sketch.size);
        if !is_ids && *self.state.get_or_insert(state) != state {
            return self.give_up(GiveUp::Changed);
        }
        let placeholder = Phase::Ids {
            wanted: Vec::new(),
            asked: Vec::new(),
        };
        match (std::mem::replace(&mut self.phase, placeholder), sketch.part) {
            (Phase::Symbols { decoder, asked }, SketchPart::Symbols(symbols))
                if symbols.len() == asked as usize =>
            {
                self.stats.there = sketch.size as usize;
                self.on_symbols(decoder, &symbols)
            }
            (Phase::Keys { local, keys, asked }, SketchPart::Keys(more)) => {
                self.stats.there = sketch.size as usize;
                self.on_keys(local, keys, &more, asked)
            }
            (Phase::Ids { wanted, asked }, SketchPart::Ids(ids)) => {
                self.on_ids(wanted, &asked, ids)
            }
            _ => self.give_up(GiveUp::Inconsistent),
        }
    }

    fn on_symbols(mut self, mut decoder: Decoder, symbols: &[Symbol]) -> Step {
        self.stats.symbols += symbols.len();
        match decoder.push(symbols) {
            Progress::Done {
                only_here,
                only_there,
            } => self.on_difference(only_here, only_there),
            Progress::Failed(DecodeError::Inconsistent) => self.give_up(GiveUp::Inconsistent),
            Progress::Failed(DecodeError::TooMany) => self.list(decoder),
            Progress::More => match self.symbols_in_all(&decoder) {
                Some(end) => self.ask_symbols(decoder, end),
                None => self.list(decoder),
            },
        }
    }

    /// How many symbols to have after the next request, `None` if a list is cheaper or the symbols
    /// of a session would not be enough.
    ///
    /// A difference of n decodes from about 1.4·n symbols; the estimate may be four deviations low.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    fn symbols_in_all(&self, decoder: &Decoder) -> Option<u32> {
        let have = decoder.symbols();
        let differ = decoder.estimate().max(self.here.abs_diff(self.stats.there));
        if 3 * differ / 2 > END as usize || have >= END as usize {
            return None;
        }
        let deviation = (2.0 / have.max(2) as f64).sqrt();
        let enough = 1.5 * differ as f64 * (1.0 + 4.0 * deviation);
        let end = (enough as usize + 16)
            .max(have + have / 4 + 16)
            .min(END as usize);
        let list = KEY_LEN * self.stats.there + FIRST_SYMBOLS as usize * Symbol::LEN;
        (end * Symbol::LEN <= list).then_some(end as u32)
    }

    #[allow(clippy::cast_possible_truncation)] // at most END
    fn ask_symbols(mut self, decoder: Decoder, end: u32) -> Step {
        let from = decoder.symbols() as u32;
        let asked = (end - from).min(MAX_SKETCH_SYMBOLS as u32);
        self.phase = Phase::Symbols { decoder, asked };
        self.ask(SketchQuery::Symbols { from, count: asked })
    }

    /// Goes on with a list of keys.
    fn list(mut self, decoder: Decoder) -> Step {
        // The list may be of a later state.
        self.state = None;
        if self.stats.there == 0 {
            let all = decoder.local().ids().to_vec();
            return self.on_difference(all, Vec::new());
        }
        self.ask_keys(decoder.into_local(), Vec::new())
    }

    #[allow(clippy::cast_possible_truncation)] // at most 2^17
    fn ask_keys(mut self, local: Encoder, keys: Vec<ShortKey>) -> Step {
        let left = self.stats.there - keys.len();
        let asked = left.min(MAX_SKETCH_KEYS);
        let (from, count) = (keys.len() as u32, asked as u32);
        self.phase = Phase::Keys { local, keys, asked };
        self.ask(SketchQuery::Keys { from, count })
    }

    fn on_keys(
        mut self,
        local: Encoder,
        mut keys: Vec<ShortKey>,
        more: &[ShortKey],
        asked: usize,
    ) -> Step {
        let is_descending = keys.last().zip(more.first()).is_some_and(|(a, b)| a >= b);
        self.stats.listed += more.len();
        keys.extend_from_slice(more);
        let (have, there) = (keys.len(), self.stats.there);
        if is_descending || have > there || (more.len() < asked && have < there) {
            return self.give_up(GiveUp::Inconsistent);
        }
        if have < there {
            return self.ask_keys(local, keys);
        }
        let there = |key: &ShortKey| keys.binary_search(key).is_ok();
        let only_here = local.keys().filter(|key| !there(key));
        let only_here = only_here.filter_map(|key| local.id(key)).collect();
        let only_there = keys.iter().filter(|key| local.id(**key).is_none());
        let only_there = only_there.copied().collect();
        self.on_difference(only_here, only_there)
    }

    fn on_difference(mut self, only_here: Vec<Hash32>, only_there: Vec<ShortKey>) -> Step {
        self.stats.only_here = only_here.len();
        self.stats.only_there = only_there.len();
        Step {
            offer: only_here,
            ..self.ask_ids(only_there)
        }
    }

    fn ask_ids(mut self, mut wanted: Vec<ShortKey>) -> Step {
        if wanted.is_empty() {
            return Step::to(Next::Done(self.stats));
        }
        let asked = wanted.split_off(wanted.len().saturating_sub(MAX_SKETCH_IDS));
        let query = SketchQuery::Ids(asked.clone());
        self.phase = Phase::Ids { wanted, asked };
        self.ask(query)
    }

    fn on_ids(mut self, wanted: Vec<ShortKey>, asked: &[ShortKey], mut ids: Vec<Hash32>) -> Step {
        let keys = Keys::new(self.salt);
        let is_asked = |id: &Hash32| asked.binary_search(&keys.of(id)).is_ok();
        if !ids.iter().all(is_asked) {
            return Step::to(Next::Unasked(self.stats));
        }
        ids.sort_unstable();
        ids.dedup();
        self.stats.learned += ids.len();
        Step {
            fetch: ids,
            ..self.ask_ids(wanted)
        }
    }

    fn ask(mut self, query: SketchQuery) -> Step {
        let request = self.request(query);
        Step::to(Next::Ask(Box::new(self), request))
    }

    #[allow(clippy::cast_possible_truncation)] // at most 2^17
    fn request(&mut self, query: SketchQuery) -> GetSketch {
        let request = GetSketch {
            set: self.set,
            salt: self.salt,
            size: self.here as u32,
            query,
        };
        self.stats.bytes += request.payload_len() + HEADER_LEN;
        request
    }

    fn give_up(self, why: GiveUp) -> Step {
        Step::to(Next::GaveUp(why, self.stats))
    }
}

impl Step {
    fn to(next: Next) -> Self {
        Self {
            fetch: Vec::new(),
            offer: Vec::new(),
            next,
        }
    }
}
