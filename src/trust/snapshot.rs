//! The row of a peer: what outlives the node.
//!
//! Rows hold wall-clock times, since nothing else outlives a process. What a wrong clock can do is
//! bounded when a row is read: time never runs backwards, no more than a day of decay is made up
//! for, and no cool-down grows longer than it was.

use crate::cbor::{CborError, Reader, Writer};

use super::{
    Config, Event, MAX_VOUCHERS,
    peer::{Moment, Peer, cool_down_ms, decay, interval_ms, toward},
    recommend::Voucher,
    score::{from_nano, to_nano},
    tally::Tally,
    trend::{Trend, WINDOW},
};

/// Form of a row.
const VERSION: u64 = 1;

/// Most of the time between two runs that counts as passed, in milliseconds: a day of decay leaves
/// 6 % of a distance, and a clock that is off by years does not more than that.
const MAX_AWAY: u64 = 24 * 60 * 60 * 1000;

/// Longest times and largest counts that a row may hold: what no honest node reaches.
const MAX_COUNT: u64 = u32::MAX as u64;
const MAX_MS: u64 = 1 << 52;

impl Peer {
    /// The row, at this moment.
    pub(super) fn encode(&self, config: &Config, at: Moment) -> Vec<u8> {
        let state = self.state(config, at);
        let factor = decay(config, at.tick - self.tick);
        let (up, known) = self.tally.times(at.t);
        let mut w = Writer::with_capacity(512);
        w.map(15).uint(0).uint(VERSION).uint(1).uint(at.wall_ms);
        w.uint(2).uint(self.first_ms).uint(3).uint(self.last_ms);
        w.uint(4).uint(to_nano(state.direct));
        w.uint(5).uint(u64::from(self.falls)).uint(6);
        match state.cooling {
            Some(ms) => w.uint(at.wall_ms.saturating_add(ms.unsigned_abs())),
            None => w.null(),
        };
        w.uint(7).uint(self.experience);
        w.uint(8).array(Event::KINDS);
        for count in self.counts {
            w.uint(u64::from(count));
        }
        w.uint(9).uint(u64::from(self.excused));
        let t = &self.tally;
        w.uint(10).array(4);
        for count in [t.valid, t.invalid, t.answered, t.missed] {
            w.uint(u64::from(count));
        }
        w.uint(11).uint((t.rtt_ms * 1000.0).round() as u64);
        w.uint(12).array(2);
        w.uint(up.unsigned_abs()).uint(known.unsigned_abs());
        w.uint(13).bytes(&self.trend.to_bytes());
        w.uint(14).array(self.vouchers.0.len());
        for v in &self.vouchers.0 {
            let age = at.t.saturating_sub(v.taken).max(0).unsigned_abs();
            w.array(3).uint(v.by).uint(to_nano(v.amount * factor));
            w.uint(age);
        }
        w.finish()
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Not a row of this form.
    pub(super) fn decode(row: &[u8], config: &Config, at: Moment) -> Result<Self, CborError> {
        let mut r = Reader::new(row);
        r.map_of(15)?;
        r.key(0)?;
        if r.uint()? != VERSION {
            return Err(CborError::OutOfRange);
        }
        let mut peer = Self::new(config, at);
        r.key(1)?;
        let saved_ms = r.uint()?;
        let away = at.wall_ms.saturating_sub(saved_ms).min(MAX_AWAY);
        let steps = |ms: u64| decay(config, ms as i64 / interval_ms(config));
        let factor = steps(away);
        r.key(2)?;
        peer.first_ms = r.uint()?.min(at.wall_ms);
        r.key(3)?;
        peer.last_ms = r.uint()?.min(at.wall_ms);
        r.key(4)?;
        peer.direct = score(&mut r)?.min(config.max_trust_score);
        r.key(5)?;
        peer.falls = at_most(&mut r, u64::from(u8::MAX))? as u8;
        r.key(6)?;
        let mut since = away;
        if !r.take_null()? {
            let until_ms = r.uint()?;
            let left = i64::try_from(until_ms.saturating_sub(at.wall_ms)).unwrap_or(i64::MAX);
            let left = left.min(cool_down_ms(config, peer.falls));
            peer.cool_until = (left > 0).then(|| at.t.saturating_add(left));
            since = away.saturating_sub(until_ms.saturating_sub(saved_ms));
        }
        if peer.cool_until.is_none() {
            let from = peer.direct.max(config.min_trust_threshold);
            peer.direct = toward(config.initial_trust_score, from, steps(since));
        }
        r.key(7)?;
        peer.experience = r.uint()?;
        r.key(8)?;
        r.array_of(Event::KINDS)?;
        for count in &mut peer.counts {
            *count = at_most(&mut r, MAX_COUNT)? as u32;
        }
        r.key(9)?;
        peer.excused = at_most(&mut r, MAX_COUNT)? as u32;
        peer.tally = tally(&mut r)?;
        peer.tally.accrued = (peer.experience > 0).then_some(at.t);
        r.key(13)?;
        let trend = r.bytes_max(2 * WINDOW)?;
        peer.trend = Trend::from_bytes(trend).ok_or(CborError::OutOfRange)?;
        r.key(14)?;
        let mut sum = 0.0;
        for _ in 0..r.array(MAX_VOUCHERS)? {
            r.array_of(3)?;
            let (by, amount) = (r.uint()?, score(&mut r)?);
            let age = at_most(&mut r, MAX_MS)?.saturating_add(away);
            sum += amount;
            peer.vouchers.0.push(Voucher {
                by,
                amount,
                taken: at.t.saturating_sub_unsigned(age),
            });
        }
        r.finish()?;
        // The cap may have been lowered since; the rest is for the rounding of each.
        if sum > config.recommendation_cap + 1e-7 {
            peer.vouchers.0.clear();
        }
        peer.vouchers.fade(config, factor, at.t);
        (peer.dirty, peer.stored) = (false, true);
        Ok(peer)
    }
}

fn tally(r: &mut Reader<'_>) -> Result<Tally, CborError> {
    r.key(10)?;
    r.array_of(4)?;
    let mut count = || at_most(r, 1024).map(|n| n as u32);
    let (valid, invalid, answered, missed) = (count()?, count()?, count()?, count()?);
    r.key(11)?;
    let rtt_ms = at_most(r, 60_000_000)? as f64 / 1000.0;
    r.key(12)?;
    r.array_of(2)?;
    let (up, known) = (at_most(r, MAX_MS)? as i64, at_most(r, MAX_MS)? as i64);
    if up > known {
        return Err(CborError::OutOfRange);
    }
    Ok(Tally {
        valid,
        invalid,
        answered,
        missed,
        rtt_ms,
        up,
        known,
        accrued: None,
        connected: false,
    })
}

fn at_most(r: &mut Reader<'_>, max: u64) -> Result<u64, CborError> {
    let value = r.uint()?;
    if value > max {
        return Err(CborError::OutOfRange);
    }
    Ok(value)
}

fn score(r: &mut Reader<'_>) -> Result<f64, CborError> {
    from_nano(r.uint()?).ok_or(CborError::OutOfRange)
}
