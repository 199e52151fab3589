//! What `sync status` says: phase, rates, time left, and why nothing happens.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    bodies::BodySync,
    config::STALL,
    core::Core,
    headers::{HeaderSync, Role},
    import::{Import, Written},
    peers::Peer,
};
use crate::{
    chain::Tip,
    clock::Now,
    event::NodeEvent,
    ids::Height,
    report::{SyncPhase, SyncReport},
};

/// Rates are taken over this long.
const WINDOW: Duration = Duration::from_secs(10);

/// Progress is noted at most this often.
const GRAIN: Duration = Duration::from_millis(250);

/// Progress of the last seconds.
#[derive(Debug)]
pub(super) struct Status {
    phase: SyncPhase,
    samples: VecDeque<Sample>,
    total: Sample,
    /// When something was last stored, or there was nothing to store.
    moved: Instant,
}

/// Running totals at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    headers: u64,
    blocks: u64,
    bytes: u64,
}

impl Status {
    pub(super) fn new(now: Instant) -> Self {
        let total = Sample {
            at: now,
            headers: 0,
            blocks: 0,
            bytes: 0,
        };
        Self {
            phase: SyncPhase::Idle,
            samples: VecDeque::from([total]),
            total,
            moved: now,
        }
    }

    /// Takes note of a commit.
    pub(super) fn on_written(&mut self, written: Written, now: Instant) {
        self.moved = now;
        self.total.headers += written.headers as u64;
        self.total.blocks += written.blocks as u64;
        self.total.bytes += written.bytes;
        self.total.at = now;
        let last = self.samples.back().map(|sample| sample.at);
        if last.is_none_or(|last| now.saturating_duration_since(last) >= GRAIN) {
            self.samples.push_back(self.total);
        }
        while self.samples.len() > 2 && self.samples[1].at + WINDOW < now {
            self.samples.pop_front();
        }
    }

    /// Finds out in which phase sync is, and says so when it changes.
    pub(super) fn update(&mut self, core: &mut Core, headers: &HeaderSync, now: Now) {
        let phase = self.judge(core, headers, now.mono);
        if phase != self.phase {
            self.phase = phase;
            core.emit(NodeEvent::SyncPhase { phase });
        }
    }

    fn judge(&mut self, core: &Core, headers: &HeaderSync, now: Instant) -> SyncPhase {
        let tips = core.view.tips;
        let connected = core.peers.values().any(|peer| !peer.shunned);
        let more_headers = core
            .peers
            .values()
            .any(|peer| promising(peer, &tips.headers));
        let more_blocks = tips.headers.beats(&tips.blocks);
        if !connected || !(more_headers || more_blocks || headers.active()) {
            self.moved = now;
        }
        let stalled = now.saturating_duration_since(self.moved) >= STALL;
        match () {
            () if !connected => SyncPhase::Idle,
            () if stalled => SyncPhase::Stalled,
            () if headers.active() || (more_headers && !more_blocks) => SyncPhase::Headers,
            () if more_blocks => SyncPhase::Blocks,
            () => SyncPhase::Following,
        }
    }

    /// When a stall is due although nothing happens.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let waiting = matches!(self.phase, SyncPhase::Headers | SyncPhase::Blocks);
        waiting.then(|| self.moved + STALL)
    }

    pub(super) fn phase(&self) -> SyncPhase {
        self.phase
    }

    /// The report.
    pub(super) fn report(
        &self,
        core: &Core,
        headers: &HeaderSync,
        bodies: &BodySync,
        import: &Import,
        now: Instant,
    ) -> SyncReport {
        let tips = core.view.tips;
        let received = headers.received().unwrap_or(Height::GENESIS);
        let best_known_height = core
            .peers
            .values()
            .filter(|peer| promising(peer, &tips.headers))
            .map(|peer| peer.tip.height)
            .chain([tips.headers.height, received])
            .max()
            .unwrap_or_default();
        let [headers_per_s, blocks_per_s, bytes_per_s] = self.rates(now);
        let left = |from: Height| best_known_height.0.saturating_sub(from.0);
        let eta = match self.phase {
            SyncPhase::Headers => eta(left(tips.headers.height), headers_per_s),
            SyncPhase::Blocks => eta(left(tips.blocks.height), blocks_per_s),
            _ => None,
        };
        let busy = core.peers.values().filter(|peer| peer.open > 0).count();
        SyncReport {
            phase: self.phase,
            best_known_height,
            header_height: tips.headers.height,
            height: tips.blocks.height,
            headers_per_s,
            blocks_per_s,
            bytes_per_s,
            eta_s: eta,
            stalled_reason: (self.phase == SyncPhase::Stalled)
                .then(|| reason(core, headers, bodies, import)),
            sync_peers: busy,
        }
    }

    /// Headers, blocks and bytes per second over the last seconds.
    fn rates(&self, now: Instant) -> [f64; 3] {
        let Some(first) = self.samples.iter().find(|s| s.at + WINDOW >= now) else {
            return [0.0; 3];
        };
        let seconds = now.saturating_duration_since(first.at).as_secs_f64();
        let per_second = |total: u64, then: u64| {
            #[allow(clippy::cast_precision_loss)] // a rate for people
            let n = total.saturating_sub(then) as f64;
            if seconds > 0.0 { n / seconds } else { 0.0 }
        };
        [
            per_second(self.total.headers, first.headers),
            per_second(self.total.blocks, first.blocks),
            per_second(self.total.bytes, first.bytes),
        ]
    }
}

/// Whether a peer is believed to have more than `ours` and was not found to have nothing of use.
fn promising(peer: &Peer, ours: &Tip) -> bool {
    peer.credible() && peer.claims_more(ours) && !matches!(peer.role, Role::Level)
}

fn eta(left: u64, rate: f64) -> Option<u64> {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )] // a forecast for people; the cast saturates
    (rate > 0.0).then(|| (left as f64 / rate).ceil() as u64)
}

/// Why nothing arrives although there is more.
fn reason(core: &Core, headers: &HeaderSync, bodies: &BodySync, import: &Import) -> String {
    if let Some(error) = import.failing() {
        return format!("the store refuses to write: {error}");
    }
    let useful = core.peers.values().filter(|peer| !peer.shunned);
    let (all, failing) = useful.fold((0, 0), |(all, failing), peer| {
        (all + 1, failing + usize::from(peer.failures > 0))
    });
    if all == failing {
        return format!("none of {all} peers answers");
    }
    let tips = core.view.tips;
    if tips.headers.beats(&tips.blocks) {
        let height = bodies
            .wanted()
            .map_or(tips.blocks.height, |item| item.height);
        return format!("no peer serves block {height}");
    }
    if headers.presyncing(core) {
        return "peers claim more work than their headers have shown yet".to_owned();
    }
    "peers claim more work and serve no headers for it".to_owned()
}
