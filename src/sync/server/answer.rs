//! Answers, read from the store.

use bytes::Bytes;

use crate::{
    chain::{ChainStore, StoreError, Which, locator},
    ids::Hash32,
    registry::{MAX_BLOCKS_BYTES, MAX_HEADERS},
    wire::{
        Blocks, Credits, ErrorCode, GetBlocks, GetHeaders, Headers, Message, NotFound, TipClaim,
    },
};

/// Bytes of blocks collected into one frame. A frame of its own for every small block would cost
/// more than the block; much larger ones hold more memory per answer.
const FRAME_BYTES: usize = 256 * 1024;

/// The answer to a header request: what follows the first hash of the locator that is on our best
/// headers.
///
/// # Errors
/// The store cannot be read.
pub fn headers(
    store: &dyn ChainStore,
    request: &GetHeaders,
    credits: Credits,
) -> Result<Message, StoreError> {
    // # Correctness
    // The tip is read before the headers: whatever a commit adds in between, the headers then
    // reach at least as far as the claim.
    let tips = store.tips();
    let tip = tips.headers;
    let tip = TipClaim {
        height: tip.height,
        hash: tip.hash,
        work: tip.work,
    };
    let Some(common) = locator::common(store, Which::BestHeaders, &request.locator)? else {
        let code = ErrorCode::BadRequest;
        return Ok(Message::Error { code });
    };
    let max = (request.max as usize).min(MAX_HEADERS);
    let run = match common.height.next() {
        Some(from) if max > 0 => store.headers(Which::BestHeaders, from, max)?,
        _ => Vec::new(),
    };
    // A reorganisation between the two reads would leave a gap; then nothing is sent, and the
    // peer asks again.
    let linked = match run.first() {
        Some(first) => first.decode()?.parent_hash == common.hash,
        None => true,
    };
    if !linked {
        let retry_after_ms = 1;
        return Ok(Message::Busy(crate::wire::Busy {
            retry_after_ms,
            credits,
        }));
    }
    Ok(Message::Headers(Headers {
        credits,
        tip,
        blocks: tips.blocks.height,
        headers: run.into_iter().map(|header| header.bytes).collect(),
    }))
}

/// The answer to a block request, one frame at a time.
#[derive(Debug)]
pub struct BlockAnswer {
    credits: Credits,
    hashes: std::vec::IntoIter<Hash32>,
    /// Bytes that may still be sent.
    left: usize,
    /// A body that did not fit the last frame.
    held: Option<Bytes>,
    missing: Vec<Hash32>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Nothing was sent.
    First,
    /// Something was sent.
    Sending,
    /// Everything was sent.
    Done,
}

impl BlockAnswer {
    /// The answer to `request`.
    #[must_use]
    pub fn new(request: GetBlocks, credits: Credits) -> Self {
        Self {
            credits,
            left: (request.max_bytes as usize).min(MAX_BLOCKS_BYTES),
            hashes: request.hashes.into_iter(),
            held: None,
            missing: Vec::new(),
            state: State::First,
        }
    }

    /// The next frame of the answer, `None` after the last. Reads at most one frame's worth of
    /// bodies.
    ///
    /// # Errors
    /// The store cannot be read; the answer ends here.
    pub fn next(&mut self, store: &dyn ChainStore) -> Result<Option<Message>, StoreError> {
        if self.state == State::Done {
            return Ok(None);
        }
        let blocks = self.collect(store)?;
        if blocks.is_empty() {
            let first = self.state == State::First;
            self.state = State::Done;
            return Ok(self.last(first));
        }
        self.state = State::Sending;
        Ok(Some(Message::Blocks(Blocks {
            credits: self.credits,
            blocks,
            missing: Vec::new(),
        })))
    }

    /// Bodies for the next frame, none when there are no more.
    fn collect(&mut self, store: &dyn ChainStore) -> Result<Vec<Bytes>, StoreError> {
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        while bytes < FRAME_BYTES {
            let Some(body) = self.body(store)? else { break };
            let first_of_all = self.state == State::First && blocks.is_empty();
            if body.len() > self.left && !first_of_all {
                // No room: what follows was asked for in vain, this time.
                self.left = 0;
                self.hashes = Vec::new().into_iter();
                break;
            }
            if !blocks.is_empty() && bytes + body.len() > FRAME_BYTES {
                self.held = Some(body);
                break;
            }
            self.left = self.left.saturating_sub(body.len());
            bytes += body.len();
            blocks.push(body);
        }
        Ok(blocks)
    }

    /// The next body that is there.
    fn body(&mut self, store: &dyn ChainStore) -> Result<Option<Bytes>, StoreError> {
        if let Some(body) = self.held.take() {
            return Ok(Some(body));
        }
        for hash in self.hashes.by_ref() {
            if let Some(body) = store.body(&hash)? {
                return Ok(Some(body));
            }
            self.missing.push(hash);
        }
        Ok(None)
    }

    fn last(&mut self, first: bool) -> Option<Message> {
        let hashes = std::mem::take(&mut self.missing);
        if !hashes.is_empty() {
            return Some(Message::NotFound(NotFound {
                credits: self.credits,
                hashes,
            }));
        }
        // An answer has at least one frame.
        first.then(|| {
            Message::Blocks(Blocks {
                credits: self.credits,
                blocks: Vec::new(),
                missing: Vec::new(),
            })
        })
    }
}
