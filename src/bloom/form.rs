//! The binary form of filters, `specs/gossip/filters.md` section 3.

use super::{
    BloomError, BloomFilter, Salt, ScalableBloomFilter,
    filter::Shape,
    scalable::{MAX_LAYERS, layer_size},
};

/// The only version so far.
const VERSION: u8 = 1;
/// Kind of a [`BloomFilter`].
const PLAIN: u8 = 1;
/// Kind of a [`ScalableBloomFilter`].
const SCALABLE: u8 = 2;
/// Bytes before the bits of a layer: items, hashes, words.
const LAYER_HEAD: usize = 8 + 1 + 4;
/// Bytes before the first layer of either kind at most.
const HEAD: usize = 2 + 16 + 8 + 8 + 8 + 1;

pub(super) fn write_plain(filter: &BloomFilter) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + LAYER_HEAD + filter.memory_bytes());
    write_head(&mut out, PLAIN, filter);
    write_layer(&mut out, filter);
    out
}

pub(super) fn write_scalable(filter: &ScalableBloomFilter) -> Vec<u8> {
    let layers = filter.layers();
    let bits: usize = layers.iter().map(|l| LAYER_HEAD + l.memory_bytes()).sum();
    let mut out = Vec::with_capacity(HEAD + bits);
    out.extend([VERSION, SCALABLE]);
    out.extend(filter.salt().0);
    out.extend(filter.first_capacity().to_be_bytes());
    out.extend(filter.rate().to_bits().to_be_bytes());
    out.extend((filter.max_bytes() as u64).to_be_bytes());
    out.push(layers.len() as u8);
    for layer in layers {
        write_layer(&mut out, layer);
    }
    out
}

pub(super) fn read_plain(bytes: &[u8], max: usize) -> Result<BloomFilter, BloomError> {
    let mut input = Input(bytes);
    let (salt, capacity, rate) = input.head(PLAIN)?;
    let filter = input.layer(capacity, rate, salt, max)?;
    input.end()?;
    Ok(filter)
}

pub(super) fn read_scalable(bytes: &[u8], max: usize) -> Result<ScalableBloomFilter, BloomError> {
    let mut input = Input(bytes);
    let (salt, capacity, rate) = input.head(SCALABLE)?;
    let grows_to = usize::try_from(input.u64()?).map_err(|_| BloomError::Shape)?;
    if grows_to > max {
        return Err(BloomError::TooLarge {
            bytes: grows_to as u64,
            max: max as u64,
        });
    }
    let count = usize::from(input.u8()?);
    if count == 0 || count > MAX_LAYERS {
        return Err(BloomError::Shape);
    }
    let mut layers: Vec<BloomFilter> = Vec::with_capacity(count);
    let mut left = grows_to;
    for n in 0..count {
        // A layer is begun only when the one before is full.
        if layers.last().is_some_and(|last| !last.is_full()) {
            return Err(BloomError::Shape);
        }
        let (capacity, rate) = layer_size(capacity, rate, n).ok_or(BloomError::Shape)?;
        let layer = input.layer(capacity, rate, salt, left)?;
        if layer.len() > capacity {
            return Err(BloomError::Shape);
        }
        left -= layer.memory_bytes();
        layers.push(layer);
    }
    input.end()?;
    Ok(ScalableBloomFilter::with(
        capacity, rate, salt, grows_to, layers,
    ))
}

fn write_head(out: &mut Vec<u8>, kind: u8, filter: &BloomFilter) {
    out.extend([VERSION, kind]);
    out.extend(filter.salt().0);
    out.extend(filter.capacity().to_be_bytes());
    out.extend(filter.rate().to_bits().to_be_bytes());
}

fn write_layer(out: &mut Vec<u8>, layer: &BloomFilter) {
    out.extend(layer.len().to_be_bytes());
    out.push(layer.hashes() as u8);
    out.extend((layer.words().len() as u32).to_be_bytes());
    for word in layer.words() {
        out.extend(word.to_be_bytes());
    }
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], BloomError> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(BloomError::Length)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BloomError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(BloomError::Length)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, BloomError> {
        Ok(self.array::<1>()?[0])
    }

    fn u64(&mut self) -> Result<u64, BloomError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    fn head(&mut self, kind: u8) -> Result<(Salt, u64, f64), BloomError> {
        match self.u8()? {
            VERSION => {}
            other => return Err(BloomError::Version(other)),
        }
        match self.u8()? {
            read if read == kind => {}
            other => return Err(BloomError::Kind(other)),
        }
        let salt = Salt(self.array()?);
        Ok((salt, self.u64()?, f64::from_bits(self.u64()?)))
    }

    /// The bits of one layer, which by its capacity and rate must have a certain size.
    fn layer(
        &mut self,
        capacity: u64,
        rate: f64,
        salt: Salt,
        max: usize,
    ) -> Result<BloomFilter, BloomError> {
        let expected = Shape::of(capacity, rate)?;
        let items = self.u64()?;
        let hashes = u32::from(self.u8()?);
        let words = u32::from_be_bytes(self.array()?);
        if !expected.admits(u64::from(words), hashes) {
            return Err(BloomError::Shape);
        }
        let shape = Shape {
            words: u64::from(words),
            hashes,
        };
        shape.check(max)?;
        let bits = self.take(words as usize * 8)?;
        let words = bits
            .as_chunks()
            .0
            .iter()
            .map(|word| u64::from_be_bytes(*word))
            .collect();
        let filter = BloomFilter::with(capacity, rate, salt, items, words, hashes);
        // Every item set at least one new bit and at most one per hash.
        let ones = filter.ones();
        if items > ones || ones > items.saturating_mul(u64::from(hashes)) {
            return Err(BloomError::Items);
        }
        Ok(filter)
    }

    fn end(&self) -> Result<(), BloomError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(BloomError::Length)
        }
    }
}
