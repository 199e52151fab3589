//! Trust statements: what a node says about how far it trusts some others, signed, so that it can
//! be held to it and nobody else can say it in its name.
//!
//! A statement is an [`Envelope`] of the domain `trust` whose payload is canonical CBOR, a map of
//! version and entries; scores are whole millionths, for a float on the wire could be NaN, minus
//! zero or the same number in two forms. What a statement moves is the trust engine's affair, also
//! that a node speaks well of itself.

use crate::{
    cbor::{CborError, Reader, Writer},
    envelope::{Body, Envelope, KeyForm, SealError},
    identity::NodeIdentity,
    ids::{ChainId, Hash32},
    offence::Offence,
    peers::fault,
    registry::MAX_TRUST_ENTRIES,
};

/// How long a statement may be passed on. Scores move slowly, so an hour is no news; longer, and a
/// node could be quoted with what it has long taken back.
pub const STATEMENT_TTL_MS: u64 = 60 * 60 * 1000;

const DOMAIN: &str = "trust";
const TOPIC: &str = "scores";
const VERSION: u64 = 1;

/// A score of 0.0 to 1.0 in whole millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(u32);

/// How far the sender trusts one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// Digest of the identity it is about.
    pub subject: Hash32,
    /// How far it is trusted.
    pub score: Score,
}

/// What a statement says: at most 20 entries in increasing order of their subjects, none twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement(Vec<Recommendation>);

/// Why a payload is no statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// An envelope of another domain or topic.
    #[error("the envelope is no trust statement")]
    OtherDomain,
    /// Not the canonical CBOR of a statement.
    #[error("not a trust statement: {0}")]
    Malformed(#[from] CborError),
    /// A version this build does not know.
    #[error("trust-statement version {0} is unknown")]
    Version(u64),
    /// More entries than a statement may have.
    #[error("a trust statement has at most {MAX_TRUST_ENTRIES} entries, not {0}")]
    TooMany(usize),
    /// A score above 1.
    #[error("a score of {0} millionths is above 1")]
    OutOfRange(u64),
    /// A subject twice, or out of order.
    #[error("the subjects of a trust statement are not in order, or one comes twice")]
    Order,
}

impl StatementError {
    /// What the peer that signed or passed it on did wrong, if anything.
    #[must_use]
    pub fn offence(&self) -> Option<Offence> {
        match self {
            Self::Malformed(e) => Some(fault::of_cbor(e)),
            Self::Version(_) => None,
            Self::OtherDomain | Self::TooMany(_) | Self::OutOfRange(_) | Self::Order => {
                Some(Offence::MalformedMessage)
            }
        }
    }
}

impl Score {
    /// Full trust.
    pub const ONE: Self = Self(1_000_000);

    /// From millionths, `None` above a million.
    #[must_use]
    pub fn from_millionths(millionths: u32) -> Option<Self> {
        (millionths <= Self::ONE.0).then_some(Self(millionths))
    }

    /// From a score of 0.0 to 1.0, rounded; `None` for anything else, NaN included.
    #[must_use]
    pub fn from_unit(score: f64) -> Option<Self> {
        // In range, so neither sign nor size is lost.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let millionths = |score: f64| Self((score * f64::from(Self::ONE.0)).round() as u32);
        (0.0..=1.0).contains(&score).then(|| millionths(score))
    }

    /// The millionths.
    #[must_use]
    pub fn millionths(self) -> u32 {
        self.0
    }

    /// The score, 0.0 to 1.0.
    #[must_use]
    pub fn to_unit(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE.0)
    }
}

impl Statement {
    /// A statement of these entries, put in order.
    ///
    /// # Errors
    /// There are more than 20, or two about one subject.
    pub fn new(mut entries: Vec<Recommendation>) -> Result<Self, StatementError> {
        if entries.len() > MAX_TRUST_ENTRIES {
            return Err(StatementError::TooMany(entries.len()));
        }
        entries.sort_unstable_by_key(|entry| entry.subject);
        if !entries.is_sorted_by(|a, b| a.subject < b.subject) {
            return Err(StatementError::Order);
        }
        Ok(Self(entries))
    }

    /// The entries, in increasing order of their subjects.
    #[must_use]
    pub fn entries(&self) -> &[Recommendation] {
        &self.0
    }

    /// The payload: `{1: 1, 2: [[subject, millionths], …]}`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(16 + 40 * self.0.len());
        out.map(2).uint(1).uint(VERSION);
        out.uint(2).array(self.0.len());
        for entry in &self.0 {
            out.array(2).bytes(entry.subject.as_bytes());
            out.uint(entry.score.0.into());
        }
        out.finish()
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Not canonical CBOR, or not a statement.
    pub fn decode(payload: &[u8]) -> Result<Self, StatementError> {
        let mut reader = Reader::new(payload);
        reader.map_of(2)?;
        reader.key(1)?;
        let version = reader.uint()?;
        if version != VERSION {
            return Err(StatementError::Version(version));
        }
        reader.key(2)?;
        let count = reader.array(usize::MAX)?;
        if count > MAX_TRUST_ENTRIES {
            return Err(StatementError::TooMany(count));
        }
        let mut entries: Vec<Recommendation> = Vec::with_capacity(count);
        for _ in 0..count {
            reader.array_of(2)?;
            let subject = Hash32(reader.fixed()?);
            let score = reader.uint()?;
            let millionths = u32::try_from(score).ok();
            let valid = millionths.and_then(Score::from_millionths);
            let score = valid.ok_or(StatementError::OutOfRange(score))?;
            if entries.last().is_some_and(|last| last.subject >= subject) {
                return Err(StatementError::Order);
            }
            entries.push(Recommendation { subject, score });
        }
        reader.finish()?;
        Ok(Self(entries))
    }

    /// Signs the statement. Of two statements of one sender the one with the higher `seq` counts.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn seal(
        &self,
        identity: &NodeIdentity,
        network: (ChainId, Hash32),
        seq: u64,
        now_ms: u64,
    ) -> Result<Envelope, SealError> {
        let body = Body {
            domain: DOMAIN.to_owned(),
            chain_id: network.0,
            genesis: network.1,
            sender: identity.public().digest(),
            created_ms: now_ms,
            ttl_ms: STATEMENT_TTL_MS,
            seq,
            topic: TOPIC.to_owned(),
            payload: self.encode(),
        };
        Envelope::sign(identity, &body, KeyForm::Full)
    }

    /// The statement in an envelope. Whether its sender said it is for [`Envelope::verify`] to say.
    ///
    /// # Errors
    /// It is of another domain, or its payload is no statement.
    pub fn open(envelope: &Envelope) -> Result<Self, StatementError> {
        let body = envelope.body();
        if body.domain != DOMAIN || body.topic != TOPIC {
            return Err(StatementError::OtherDomain);
        }
        Self::decode(&body.payload)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        envelope::{KeyCache, Verdict},
        identity::{Delegations, KeyPair, Policy, SerialMemory},
        registry::MAX_TRUST_BYTES,
    };

    const NETWORK: (ChainId, Hash32) = (ChainId(7), Hash32([3; 32]));
    const NOW: u64 = 1_800_000_000_000;

    fn entry(subject: u8, millionths: u32) -> Recommendation {
        Recommendation {
            subject: Hash32([subject; 32]),
            score: Score(millionths),
        }
    }

    fn node() -> NodeIdentity {
        NodeIdentity::from_keypair(KeyPair::deterministic([1; 32]).unwrap())
    }

    #[test]
    fn a_statement_is_signed_and_read_back() {
        let statement = Statement::new(vec![entry(9, 0), entry(2, 1_000_000)]).unwrap();
        assert_eq!(statement.entries()[0], entry(2, 1_000_000));
        let sealed = statement.seal(&node(), NETWORK, 5, NOW).unwrap();
        let read = Envelope::decode(sealed.as_bytes().clone()).unwrap();
        let memory = Delegations::new(NETWORK.0, NETWORK.1, SerialMemory::default());
        let verdict = read.verify(
            &mut KeyCache::default(),
            &memory,
            &Policy::default_fips(),
            NOW,
        );
        assert_eq!(verdict, Verdict::Valid);
        assert_eq!(Statement::open(&read), Ok(statement));
        assert_eq!(read.body().seq, 5);
    }

    #[test]
    fn the_payload_is_the_specified_one() {
        let bytes = Statement::new(vec![entry(0xaa, 500_000)]).unwrap().encode();
        let expected = format!("a20101028182{}{}{}", "5820", "aa".repeat(32), "1a0007a120");
        assert_eq!(hex::encode(bytes), expected);
    }

    #[test]
    fn the_largest_statement_fits_its_limit() {
        let entries = (0..20).map(|n| entry(n, 1_000_000)).collect();
        let payload = Statement::new(entries).unwrap().encode().len();
        // Body around the payload, key, delegation, signature, heads.
        let most = payload + 400 + 1984 + crate::identity::Delegation::MAX_BYTES + 3373 + 64;
        assert!(most <= MAX_TRUST_BYTES, "{most}");
    }

    #[test]
    fn too_many_entries_repeated_subjects_and_scores_above_one_are_refused() {
        let many = |n: u8| (0..n).map(|s| entry(s, 1)).collect::<Vec<_>>();
        assert_eq!(Statement::new(many(21)), Err(StatementError::TooMany(21)));
        assert_eq!(
            Statement::new(vec![entry(1, 1), entry(1, 2)]),
            Err(StatementError::Order)
        );
        // What no node of ours would write.
        for (entries, error) in [
            (many(21), StatementError::TooMany(21)),
            (vec![entry(1, 1), entry(1, 1)], StatementError::Order),
            (vec![entry(2, 1), entry(1, 1)], StatementError::Order),
            (
                vec![entry(1, 1_000_001)],
                StatementError::OutOfRange(1_000_001),
            ),
            (
                vec![entry(1, u32::MAX)],
                StatementError::OutOfRange(u32::MAX.into()),
            ),
        ] {
            let bytes = Statement(entries).encode();
            assert_eq!(Statement::decode(&bytes), Err(error));
            assert_eq!(error.offence(), Some(Offence::MalformedMessage));
        }
    }

    #[test]
    fn no_float_is_a_score_on_the_wire_and_nan_is_none_before_it() {
        let mut bytes = Statement::new(vec![entry(1, 1)]).unwrap().encode();
        // The score becomes the half-precision NaN.
        bytes.truncate(bytes.len() - 1);
        bytes.extend([0xf9, 0x7e, 0x00]);
        let error = Statement::decode(&bytes).unwrap_err();
        assert_eq!(error.offence(), Some(Offence::NonCanonicalCbor));
        for score in [f64::NAN, -0.1, 1.000_001, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Score::from_unit(score), None, "{score}");
        }
        assert_eq!(Score::from_unit(1.0), Some(Score::ONE));
        assert_eq!(
            Score::from_unit(0.123_456_4),
            Score::from_millionths(123_456)
        );
        assert_eq!(Score::from_unit(-0.0), Score::from_millionths(0));
    }

    #[test]
    fn an_envelope_of_another_domain_is_no_statement() {
        let body = Body {
            domain: "chat".to_owned(),
            ..body()
        };
        let envelope = Envelope::sign(&node(), &body, KeyForm::Full).unwrap();
        assert_eq!(Statement::open(&envelope), Err(StatementError::OtherDomain));
        let later = Body {
            payload: vec![0xa2, 1, 2, 2, 0x80],
            ..self::body()
        };
        let envelope = Envelope::sign(&node(), &later, KeyForm::Full).unwrap();
        let error = Statement::open(&envelope).unwrap_err();
        assert_eq!(error, StatementError::Version(2));
        assert_eq!(error.offence(), None);
    }

    fn body() -> Body {
        let sealed = Statement::default().seal(&node(), NETWORK, 0, NOW);
        sealed.unwrap().body().clone()
    }

    proptest! {
        #[test]
        fn any_payload_is_refused_or_is_what_it_encodes_to(
            bytes in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            if let Ok(statement) = Statement::decode(&bytes) {
                prop_assert_eq!(statement.encode(), bytes);
            }
        }

        #[test]
        fn statements_round_trip(
            scores in prop::collection::btree_map(any::<[u8; 32]>(), 0..=1_000_000u32, 0..=20),
        ) {
            let entries = scores.into_iter().map(|(subject, score)| Recommendation {
                subject: Hash32(subject),
                score: Score(score),
            });
            let statement = Statement::new(entries.collect()).unwrap();
            prop_assert_eq!(Statement::decode(&statement.encode()), Ok(statement));
        }
    }
}
