//! A ban as a value: whom it covers, why, by whom, for how long; and the row it is on disk.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use libp2p::PeerId;

use super::{Group, is_public};
use crate::{
    cbor::{CborError, Reader, Writer},
    offence::Offence,
};

/// Longest ban. Also keeps the arithmetic of clocks far from its ends.
pub const MAX_BAN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Longest reason kept, in bytes.
pub const MAX_REASON: usize = 160;

/// Longest evidence kept, in bytes.
pub const MAX_EVIDENCE: usize = 512;

/// Longest row that is read: what the fields may take, rounded up.
const MAX_ROW: usize = 1024;

/// The form of a row.
const VERSION: u64 = 1;

/// What an operator's own ban is called in a row; an offence cannot have this name.
const OPERATOR: &str = "operator";

/// Who is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A peer, wherever it connects from.
    Peer(PeerId),
    /// An address, whoever connects from it; an IPv6 address stands for its /64.
    Address(IpAddr),
    /// Every address of a group.
    Group(Group),
}

impl Subject {
    /// The subject with its address widened to what counts as one.
    #[must_use]
    pub fn whole(self) -> Self {
        match self {
            Self::Address(ip) => Self::Address(place_of(ip)),
            other => other,
        }
    }

    /// Whether a ban of it would hit people who have nothing to do with each other: loopback and
    /// private addresses, which a whole test network shares, and what has no group.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Peer(_) => false,
            Self::Address(ip) => !is_public(*ip),
            Self::Group(group) => !group.is_costly(),
        }
    }

    /// Whether a peer at `ip` is meant.
    #[must_use]
    pub fn covers(&self, peer: &PeerId, ip: Option<IpAddr>) -> bool {
        match (self, ip) {
            (Self::Peer(banned), _) => banned == peer,
            (Self::Address(banned), Some(ip)) => place_of(*banned) == place_of(ip),
            (Self::Group(banned), Some(ip)) => *banned == Group::of_ip(ip),
            (Self::Address(_) | Self::Group(_), None) => false,
        }
    }

    /// The key of its row: its kind, then its bytes.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let (kind, bytes) = match self {
            Self::Peer(peer) => (0, peer.to_bytes()),
            Self::Address(IpAddr::V4(ip)) => (4, ip.octets().to_vec()),
            Self::Address(IpAddr::V6(ip)) => (6, ip.octets().to_vec()),
            Self::Group(Group::V4(net)) => (14, net.to_vec()),
            Self::Group(Group::V6(net)) => (16, net.to_vec()),
            Self::Group(Group::Local) => (20, Vec::new()),
            Self::Group(Group::Other) => (21, Vec::new()),
        };
        let mut key = vec![kind];
        key.extend(bytes);
        key
    }

    fn from_key(key: &[u8]) -> Option<Self> {
        let (kind, bytes) = key.split_first()?;
        Some(match kind {
            0 => Self::Peer(PeerId::from_bytes(bytes).ok()?),
            4 => Self::Address(<[u8; 4]>::try_from(bytes).ok()?.into()),
            6 => Self::Address(<[u8; 16]>::try_from(bytes).ok()?.into()),
            14 => Self::Group(Group::V4(bytes.try_into().ok()?)),
            16 => Self::Group(Group::V6(bytes.try_into().ok()?)),
            _ => return None,
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Address(ip) => ip.fmt(f),
            Self::Group(group) => group.fmt(f),
        }
    }
}

/// Who banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// This node, for an offence.
    Offence(Offence),
    /// A person.
    Operator,
    /// This node, for an offence that this version has no name for.
    Unknown,
}

impl Author {
    /// The stable name: `operator`, or the name of the offence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Offence(offence) => offence.name(),
            Self::Operator => OPERATOR,
            Self::Unknown => "unknown",
        }
    }

    /// Whether no person decided it.
    #[must_use]
    pub fn is_automatic(self) -> bool {
        self != Self::Operator
    }

    fn from_name(name: &str) -> Self {
        if name == OPERATOR {
            return Self::Operator;
        }
        let offence = Offence::ALL.iter().find(|o| o.name() == name);
        offence.map_or(Self::Unknown, |o| Self::Offence(*o))
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A ban to impose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Who.
    pub subject: Subject,
    /// Why, for people; cut at [`MAX_REASON`].
    pub reason: String,
    /// What shows it: a hash, the bytes of a message; cut at [`MAX_EVIDENCE`].
    pub evidence: String,
    /// Who banned.
    pub by: Author,
    /// How long, at most [`MAX_BAN`].
    pub lasts: Duration,
}

impl Sentence {
    /// A ban by a person, for one reason and without evidence.
    #[must_use]
    pub fn of_operator(subject: Subject, reason: impl Into<String>, lasts: Duration) -> Self {
        Self {
            subject,
            reason: reason.into(),
            evidence: String::new(),
            by: Author::Operator,
            lasts,
        }
    }

    /// The same with the subject whole and everything cut to its limit.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.subject = self.subject.whole();
        self.lasts = self.lasts.min(MAX_BAN);
        cut(&mut self.reason, MAX_REASON);
        cut(&mut self.evidence, MAX_EVIDENCE);
        self
    }

    /// The row of this ban, given when it began: canonical CBOR `[version, key, reason, evidence,
    /// author, since in ms since the UNIX epoch, duration in ms]`. The sentence is bounded.
    #[must_use]
    pub fn encode(&self, since_ms: u64) -> Vec<u8> {
        let mut w = Writer::new();
        w.array(7).uint(VERSION).bytes(&self.subject.key());
        w.text(&self.reason)
            .text(&self.evidence)
            .text(self.by.name());
        w.uint(since_ms).uint(millis(self.lasts));
        w.as_slice().to_vec()
    }

    /// Reads a row: the ban and when it began.
    ///
    /// # Errors
    /// What is wrong with the row, which is then worth nothing.
    pub fn decode(key: &[u8], row: &[u8]) -> Result<(Self, u64), RowError> {
        if row.len() > MAX_ROW {
            return Err(RowError::TooLong(row.len()));
        }
        let mut r = Reader::new(row);
        r.array_of(7)?;
        let version = r.uint()?;
        if version != VERSION {
            return Err(RowError::Version(version));
        }
        if r.bytes()? != key {
            return Err(RowError::OtherKey);
        }
        let sentence = Self {
            subject: Subject::from_key(key).ok_or(RowError::Subject)?,
            reason: r.text()?.to_owned(),
            evidence: r.text()?.to_owned(),
            by: Author::from_name(r.text()?),
            lasts: Duration::ZERO,
        };
        let since_ms = r.uint()?;
        let lasts = Duration::from_millis(r.uint()?);
        r.finish()?;
        let ban = Self { lasts, ..sentence }.bounded();
        if ban.subject.key() != key {
            return Err(RowError::Subject);
        }
        Ok((ban, since_ms))
    }

    /// What is left of a ban that began at `since_ms`, when a node starts at `wall_ms`.
    ///
    /// A wall clock that was set back since makes it whole again, never longer than it was; one
    /// that was set forward ends it early. While a node runs, the wall clock decides nothing.
    #[must_use]
    pub fn remains(&self, since_ms: u64, wall_ms: u64) -> Duration {
        let served = Duration::from_millis(wall_ms.saturating_sub(since_ms));
        self.lasts.saturating_sub(served)
    }
}

/// Why a row is no ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Longer than any ban.
    #[error("a row of {0} bytes is too long for a ban")]
    TooLong(usize),
    /// Not the form of a ban.
    #[error("not a ban: {0}")]
    Form(#[from] CborError),
    /// A form that this version does not know.
    #[error("version {0} of a ban is not known")]
    Version(u64),
    /// The row lies under another key than it says.
    #[error("the ban lies under the key of another")]
    OtherKey,
    /// The key names nobody.
    #[error("the ban names nobody")]
    Subject,
}

/// What counts as one address: an IPv6 subscriber has a /64 at least, so all of it is one.
#[must_use]
pub fn place_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        other => other,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn cut(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most));
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::any, prop_assert_eq, proptest};

    use super::*;

    fn subjects() -> Vec<Subject> {
        vec![
            Subject::Peer(PeerId::random()),
            Subject::Address([8, 9, 10, 11].into()),
            Subject::Address("2a00:1450:1:2::".parse().unwrap()),
            Subject::Group(Group::V4([8, 9])),
            Subject::Group(Group::V6([0x2a, 0, 0x14, 0x50])),
        ]
    }

    fn sentence(subject: Subject, by: Author) -> Sentence {
        Sentence {
            subject,
            reason: "é".repeat(400),
            evidence: "0x".repeat(4000),
            by,
            lasts: Duration::MAX,
        }
        .bounded()
    }

    #[test]
    fn a_row_comes_back_whole_and_within_its_limit() {
        for subject in subjects() {
            for by in [Author::Operator, Author::Offence(Offence::WrongTheta)] {
                let ban = sentence(subject, by);
                let row = ban.encode(u64::MAX);
                assert!(row.len() <= MAX_ROW, "{}", row.len());
                let read = Sentence::decode(&subject.key(), &row);
                assert_eq!(read, Ok((ban, u64::MAX)));
            }
        }
    }

    #[test]
    fn a_row_that_is_no_ban_is_named() {
        let subject = subjects()[1];
        let row = sentence(subject, Author::Operator).encode(1);
        let decode = |key: &[u8], row: &[u8]| Sentence::decode(key, row).unwrap_err();
        let key = subject.key();
        assert_eq!(decode(&[4, 1, 1, 1, 1], &row), RowError::OtherKey);
        let truncated = decode(&key, &row[..row.len() - 1]);
        assert_eq!(truncated, RowError::Form(CborError::Truncated));
        assert_eq!(decode(&key, &[0; 2000]), RowError::TooLong(2000));
        let mut later = row.clone();
        later[1] = 2;
        assert_eq!(decode(&key, &later), RowError::Version(2));
    }

    #[test]
    fn an_offence_of_a_later_version_stays_a_ban() {
        let mut w = Writer::new();
        let subject = subjects()[1];
        w.array(7).uint(1).bytes(&subject.key());
        w.text("").text("").text("ate_the_last_biscuit");
        w.uint(5).uint(10);
        let (ban, since) = Sentence::decode(&subject.key(), w.as_slice()).unwrap();
        assert_eq!((ban.by, since), (Author::Unknown, 5));
        assert!(ban.by.is_automatic());
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_ban_longer_than_it_was() {
        let hour = Duration::from_secs(3600);
        let ban = Sentence::of_operator(subjects()[0], "", hour);
        assert_eq!(ban.remains(10_000_000, 0), hour);
        assert_eq!(ban.remains(0, 600_000), hour - Duration::from_secs(600));
        assert_eq!(ban.remains(0, u64::MAX), Duration::ZERO);
    }

    #[test]
    fn a_ban_covers_whom_it_names() {
        let (peer, other) = (PeerId::random(), PeerId::random());
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert!(Subject::Peer(peer).covers(&peer, None));
        assert!(!Subject::Peer(peer).covers(&other, None));
        let net = Subject::Address("2a00:1450:1:2::7".parse().unwrap());
        assert!(net.covers(&other, ip("2a00:1450:1:2:ff::1")));
        assert!(!net.covers(&other, ip("2a00:1450:1:3::1")));
        let group = Subject::Group(Group::V4([8, 9]));
        assert!(group.covers(&other, ip("::ffff:8.9.200.1")));
        assert!(!group.covers(&other, ip("8.10.0.1")) && !group.covers(&other, None));
    }

    #[test]
    fn what_a_test_network_shares_is_known() {
        for ip in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "fd00::1", "::1"] {
            assert!(Subject::Address(ip.parse().unwrap()).is_shared(), "{ip}");
        }
        assert!(Subject::Group(Group::Local).is_shared());
        assert!(Subject::Group(Group::Other).is_shared());
        assert!(subjects().iter().all(|s| !s.is_shared()));
    }

    proptest! {
        #[test]
        fn no_row_panics(key in vec(any::<u8>(), 0..64), row in vec(any::<u8>(), 0..200)) {
            let _ = Sentence::decode(&key, &row);
        }

        #[test]
        fn every_key_is_read_as_its_subject(bytes in vec(any::<u8>(), 0..40)) {
            if let Some(subject) = Subject::from_key(&bytes) {
                prop_assert_eq!(subject.key(), bytes);
            }
        }
    }
}
