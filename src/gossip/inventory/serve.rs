//! Answers to the requests of others.

use bytes::Bytes;

use crate::wire::{Credits, GetData, ItemKind, Message, NotFound, Shares, Txs};

/// Bytes of objects in one frame, unless its only object is larger: what a server holds encoded at
/// a time.
const FRAME_BYTES: usize = 256 * 1024;

/// The frames that answer `request`, where `found` has what is here of it, in its order (see
/// [`Pool::get_many`](crate::pool::Pool::get_many)): the first objects that fit its `max_bytes`, at
/// least one, and what is missing. No byte of them is copied.
///
/// Credits are the same in every answer on this protocol: what a peer may assume from the start.
#[must_use]
pub fn serve(request: &GetData, found: &[Option<Bytes>]) -> Vec<Message> {
    let mut frames = Vec::new();
    let mut left = request.max_bytes as usize;
    let (mut frame, mut filled) = (Vec::new(), 0);
    for (n, object) in found.iter().flatten().enumerate() {
        if n > 0 && object.len() > left {
            break;
        }
        left = left.saturating_sub(object.len());
        if !frame.is_empty() && filled + object.len() > FRAME_BYTES {
            frames.push(frame_of(request.kind, std::mem::take(&mut frame)));
            filled = 0;
        }
        filled += object.len();
        frame.push(object.clone());
    }
    if !frame.is_empty() {
        frames.push(frame_of(request.kind, frame));
    }
    let missing = request.ids.iter().zip(found);
    let missing = missing.filter(|(_, object)| object.is_none());
    let hashes: Vec<_> = missing.map(|(id, _)| *id).collect();
    if !hashes.is_empty() {
        let credits = Credits::INITIAL;
        frames.push(Message::NotFound(NotFound { credits, hashes }));
    }
    frames
}

fn frame_of(kind: ItemKind, objects: Vec<Bytes>) -> Message {
    if kind == ItemKind::Share {
        return Message::Share(Shares { shares: objects });
    }
    Message::Tx(Txs { txs: objects })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chain::object_id,
        ids::Hash32,
        wire::{Answer, Data, Flags, Frame},
    };

    fn ask(objects: &[Option<Bytes>], kind: ItemKind, max_bytes: u32) -> (usize, Data) {
        let id = |(n, o): (usize, &Option<Bytes>)| {
            let nowhere = Hash32([u8::try_from(n).expect("few"); 32]);
            o.as_ref().map_or(nowhere, |o| object_id(o))
        };
        let request = GetData {
            kind,
            ids: objects.iter().enumerate().map(id).collect(),
            max_bytes,
        };
        let frames = serve(&request, objects);
        let mut answer = Answer::to(&Message::GetData(request)).expect("a request");
        for frame in &frames {
            let frame = Frame::new(frame, 0, Flags::default()).expect("fits");
            answer.push(&frame).expect("an honest answer");
        }
        let Ok(Message::Data(data)) = answer.finish() else {
            panic!("no data")
        };
        (frames.len(), data)
    }

    fn object(n: u8, len: usize) -> Option<Bytes> {
        Some(Bytes::from(vec![n; len]))
    }

    #[test]
    fn an_answer_is_what_its_requester_takes() {
        let objects = [object(1, 10), None, object(2, 20), object(3, 30)];
        let (frames, data) = ask(&objects, ItemKind::Tx, 60);
        assert_eq!((frames, data.objects.len(), data.missing.len()), (2, 3, 1));
        let (_, data) = ask(&objects, ItemKind::Share, 59);
        assert_eq!((data.objects.len(), data.missing.len()), (2, 1));
        let (_, data) = ask(&objects, ItemKind::Tx, 0);
        assert_eq!(data.objects.len(), 1, "the first whatever its size");
        let (frames, data) = ask(&[None, None], ItemKind::Tx, 100);
        assert_eq!((frames, data.missing.len()), (1, 2));
    }

    #[test]
    fn large_answers_come_in_several_frames() {
        let objects: Vec<_> = (0..10).map(|n| object(n, 100_000)).collect();
        let (frames, data) = ask(&objects, ItemKind::Share, 1024 * 1024);
        assert_eq!((frames, data.objects.len()), (5, 10));
    }
}
