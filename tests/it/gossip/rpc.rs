//! Frames of gossipsub as protobuf.

/// Length-delimited field `tag`.
fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(tag << 3 | 2);
    out.extend(varint(bytes.len() as u64));
    out.extend_from_slice(bytes);
    out
}

/// Number field `tag`.
fn number(tag: u64, value: u64) -> Vec<u8> {
    let mut out = varint(tag << 3);
    out.extend(varint(value));
    out
}

/// A part of a frame: parts are put together by concatenation.
pub(super) fn subscribe(topic: &str) -> Vec<u8> {
    let subscription = [number(1, 1), field(2, topic.as_bytes())].concat();
    field(1, &subscription)
}

pub(super) fn message(topic: &str, data: &[u8]) -> Vec<u8> {
    let message = [field(2, data), field(4, topic.as_bytes())].concat();
    field(2, &message)
}

pub(super) fn ihave<'a>(topic: &str, ids: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut ihave = field(1, topic.as_bytes());
    ids.into_iter().for_each(|id| ihave.extend(field(2, id)));
    field(3, &field(1, &ihave))
}

pub(super) fn iwant<'a>(ids: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    field(3, &field(2, &ids_of(ids)))
}

pub(super) fn idontwant<'a>(ids: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    field(3, &field(5, &ids_of(ids)))
}

pub(super) fn graft(topic: &str) -> Vec<u8> {
    field(3, &field(3, &field(1, topic.as_bytes())))
}

pub(super) fn prune(topic: &str, backoff: u64) -> Vec<u8> {
    let prune = [field(1, topic.as_bytes()), number(3, backoff)].concat();
    field(3, &field(4, &prune))
}

fn ids_of<'a>(ids: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    ids.into_iter().flat_map(|id| field(1, id)).collect()
}

/// Packs parts into frames below the router's cap for control messages.
pub(super) fn frames(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    const CAP: usize = 16_000;
    let mut frames = vec![Vec::new()];
    for part in parts {
        let last = frames.last_mut().expect("never empty");
        if last.len() + part.len() > CAP {
            frames.push(part);
        } else {
            last.extend(part);
        }
    }
    frames
}

/// The length-delimited fields of a protobuf message.
pub(super) fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            let (key, n) = read_varint(message)?;
            let (value, m) = read_varint(&message[n..])?;
            message = &message[n + m..];
            if key & 7 == 2 {
                let (field, rest) = message.split_at_checked(value as usize)?;
                message = rest;
                return Some((key >> 3, field));
            }
        }
    })
}

pub(super) fn read_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

pub(super) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
