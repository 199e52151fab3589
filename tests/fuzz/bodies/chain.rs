//! Headers, blocks and chain files.

use std::{io::Cursor, num::NonZeroUsize, ops::ControlFlow, sync::LazyLock};

use animica_p2p::{
    chain::{
        Block, ChainStore, Genesis, HashOnly, Header, MemoryStore,
        archive::{Import, Item, Reader, Writer, import},
        audit::audit,
    },
    crypto::hash::sha3_256,
    ids::{Hash32, Height},
    registry::{MAX_BLOCK_BYTES, MAX_EXTRA_BYTES, MAX_HEADER_BYTES},
};
use bytes::Bytes;

/// Some time after every block of the seeds.
const NOW_S: u64 = 1_800_000_000;

/// Bytes of the head of a chain file.
const HEAD_BYTES: usize = 68;

pub(super) static DEVNET: LazyLock<Genesis> =
    LazyLock::new(|| Genesis::preset("devnet").expect("a preset"));

/// A header is the bytes it was read from, and so is its hash.
pub(super) fn header(data: &[u8]) -> bool {
    let Ok(header) = Header::decode(data) else {
        return false;
    };
    assert!(data.len() <= MAX_HEADER_BYTES);
    assert!(header.extra.len() <= MAX_EXTRA_BYTES);
    assert_eq!(header.encode(), data);
    assert_eq!(header.hash(), sha3_256(data));
    assert_eq!(header.draw(), header.draw_prefix().draw(header.nonce));
    true
}

/// A block is the bytes it was read from; a body that passes its checks is its header's.
pub(super) fn block(data: &[u8]) -> bool {
    let Ok(block) = Block::decode(Bytes::copy_from_slice(data)) else {
        return false;
    };
    assert!(data.len() <= MAX_BLOCK_BYTES);
    assert_eq!(block.encode(), data);
    assert_eq!(block.encoded_len(), data.len());
    assert!(header(&block.header.encode()));
    if block.check_body(DEVNET.params()).is_ok() {
        assert_eq!(block.check_roots(), Ok(()));
    }
    true
}

/// A chain file. What is read of a whole one writes the same file again; whatever one says, what
/// is stored of it is a chain.
pub(super) fn archive(data: &[u8]) -> bool {
    let Ok(mut reader) = Reader::open(Cursor::new(data), &DEVNET) else {
        return false;
    };
    let first = reader.next_height();
    let mut copy = Writer::create(Vec::new(), &DEVNET, first).expect("memory");
    let mut at = reader.position();
    let mut blocks = 0;
    let last = loop {
        match reader.item() {
            Ok(Item::Block { height, bytes }) => {
                assert_eq!(height, first.saturating_add(blocks));
                assert!((1..=MAX_BLOCK_BYTES).contains(&bytes.len()));
                assert!(reader.position() > at && reader.position() <= data.len() as u64);
                (at, blocks) = (reader.position(), blocks + 1);
                copy.append(Hash32::ZERO, &bytes).expect("memory");
            }
            Ok(Item::End { last }) => break Some(last),
            Ok(Item::Cut) | Err(_) => break None,
        }
    };
    if let Some(last) = last {
        let records = copy.pause().expect("memory");
        let next = first.saturating_add(blocks);
        let whole = Writer::resume(records, next, last).finish();
        // Two bytes of the head are reserved and not read.
        assert_eq!(whole.expect("memory")[HEAD_BYTES..], data[HEAD_BYTES..]);
    }
    import_all(data) && last.is_some()
}

/// Records of a chain file under good checks: each a length of two bytes and its content.
pub(super) fn archive_blocks(data: &[u8]) -> bool {
    let mut file = Writer::create(Vec::new(), &DEVNET, Height(1)).expect("memory");
    let mut rest = data;
    while let Some((len, tail)) = rest.split_first_chunk() {
        let (record, tail) = tail.split_at(usize::from(u16::from_be_bytes(*len)).min(tail.len()));
        file.append(Hash32::ZERO, record).expect("memory");
        rest = tail;
    }
    import_all(&file.finish().expect("memory"))
}

/// Imports the file into an empty store. `true` if all of it was.
fn import_all(file: &[u8]) -> bool {
    let one = NonZeroUsize::MIN;
    let store = MemoryStore::new(&DEVNET);
    let done = Import::open(Cursor::new(file), &DEVNET, one).and_then(|mut from| {
        let mut on = |_| ControlFlow::Continue(());
        import(&store, &mut from, &HashOnly, NOW_S, &mut on)
    });
    let mut on = |_| ControlFlow::Continue(());
    let audit = audit(&store, &DEVNET, &HashOnly, NOW_S, one, &mut on);
    let audit = audit.expect("what was stored is a chain");
    assert_eq!(audit.blocks, store.tips().blocks.height.0);
    done.is_ok_and(|done| {
        assert_eq!(done.blocks, audit.blocks);
        done.complete
    })
}
