use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn samples(leaves: &[(Namespace, Vec<u8>)]) -> (Tree, Vec<Sample>) {
    let tree = Tree::new(leaves.iter().map(|(ns, data)| (*ns, data.as_slice()))).unwrap();
    let all = (0..leaves.len() as u32).map(|index| {
        let (ns, data) = &leaves[index as usize];
        Sample {
            index,
            leaf: Bytes::from(encode_leaf(*ns, data)),
            path: tree.path(index).unwrap(),
        }
    });
    let all = all.collect();
    (tree, all)
}

fn named(leaves: &[(u32, &str)]) -> Vec<(Namespace, Vec<u8>)> {
    let leaf = |(ns, text): &(u32, &str)| (Namespace(*ns), text.as_bytes().to_vec());
    leaves.iter().map(leaf).collect()
}

#[test]
fn the_root_is_that_of_the_original() {
    let (tree, _) = samples(&named(&[(24, "hello"), (24, "world"), (25, "!")]));
    assert_eq!(
        tree.root().hash.to_string(),
        "382d00e2139b04cb77f513247c8f838fcfa26db6e1920d13521bbc95610d483a"
    );
    assert_eq!(tree.root().min, Namespace(24));
    assert_eq!(tree.root().max, Namespace(25));
}

#[test]
fn agrees_with_the_second_implementation() {
    let all: Value = serde_json::from_str(include_str!("../../../tests/vectors/nmt.json")).unwrap();
    let trees = all["trees"].as_array().unwrap();
    assert!(trees.len() > 10);
    for tree in trees {
        let leaves: Vec<(Namespace, Vec<u8>)> = tree["leaves"]
            .as_array()
            .unwrap()
            .iter()
            .map(|leaf| {
                let ns = leaf["ns"].as_u64().unwrap() as u32;
                (
                    Namespace(ns),
                    hex::decode(leaf["data"].as_str().unwrap()).unwrap(),
                )
            })
            .collect();
        let (made, samples) = samples(&leaves);
        assert_eq!(made.root().hash.to_string(), tree["root"].as_str().unwrap());
        for (sample, expected) in samples.iter().zip(tree["proofs"].as_array().unwrap()) {
            assert_eq!(
                hex::encode(&sample.leaf),
                expected["leaf"].as_str().unwrap()
            );
            let path: Vec<String> = sample
                .path
                .iter()
                .map(|s| format!("{}{:08x}", s.hash, s.edge.0))
                .collect();
            let expected: Vec<&str> = expected["path"]
                .as_array()
                .unwrap()
                .iter()
                .map(|s| s.as_str().unwrap())
                .collect();
            assert_eq!(path, expected);
        }
    }
}

#[test]
fn leaves_out_of_order_make_no_tree() {
    let leaves = [(Namespace(2), &b"a"[..]), (Namespace(1), b"b")];
    assert_eq!(Tree::new(leaves), Err(NmtError::Order { index: 1 }));
    assert_eq!(Tree::new([]), Err(NmtError::Empty));
}

#[test]
fn refuses_a_proof_at_another_index_or_of_another_tree() {
    let (tree, all) = samples(&named(&[(1, "a"), (1, "b"), (2, "c"), (3, "d"), (3, "e")]));
    let root = tree.root().hash;
    for sample in &all {
        assert_eq!(sample.verify(&root, 5), Ok((Namespace(1), Namespace(3))));
        for index in (0..5).filter(|i| *i != sample.index) {
            let moved = Sample {
                index,
                ..sample.clone()
            };
            assert!(
                moved.verify(&root, 5).is_err(),
                "{} at {index}",
                sample.index
            );
        }
        assert_eq!(sample.verify(&Hash32::ZERO, 5), Err(ProofError::Root));
    }
    let beyond = Sample {
        index: 5,
        ..all[4].clone()
    };
    assert_eq!(
        beyond.verify(&root, 5),
        Err(ProofError::Index {
            index: 5,
            leaves: 5
        })
    );
}

#[test]
fn refuses_a_path_that_is_too_deep_or_too_short() {
    let (tree, all) = samples(&named(&[(1, "a"), (1, "b"), (1, "c"), (1, "d")]));
    let root = tree.root().hash;
    let mut deep = all[0].clone();
    deep.path.extend(vec![deep.path[0]; 1000]);
    assert_eq!(
        deep.verify(&root, 4),
        Err(ProofError::Depth {
            got: 1002,
            expected: 2
        })
    );
    let mut short = all[0].clone();
    short.path.pop();
    assert!(matches!(
        short.verify(&root, 4),
        Err(ProofError::Depth { .. })
    ));
    // No count makes a walk longer than 24.
    assert!(matches!(
        deep.verify(&root, u32::MAX),
        Err(ProofError::Index { .. })
    ));
}

#[test]
fn refuses_namespaces_on_the_wrong_side() {
    let leaves = named(&[(5, "a"), (6, "b")]);
    let (_, all) = samples(&leaves);
    // A tree built against the order has a root, too; its proofs do not pass.
    let hash = |i: usize| leaf_hash(leaves[i].0, &leaves[i].1);
    let wrong = Node::parent(
        &Node::leaf(Namespace(6), hash(1)),
        &Node::leaf(Namespace(5), hash(0)),
    );
    let sample = Sample {
        index: 0,
        leaf: all[1].leaf.clone(),
        path: vec![Sibling {
            hash: hash(0),
            edge: Namespace(5),
        }],
    };
    assert_eq!(sample.verify(&wrong.hash, 2), Err(ProofError::Order));
    let sample = Sample {
        index: 1,
        leaf: all[0].leaf.clone(),
        path: vec![Sibling {
            hash: hash(1),
            edge: Namespace(6),
        }],
    };
    assert_eq!(sample.verify(&wrong.hash, 2), Err(ProofError::Order));
}

#[test]
fn a_leaf_has_one_encoding() {
    for len in [0, 1, 127, 128, 300, 4096, 20_000] {
        let data = vec![7; len];
        let leaf = encode_leaf(Namespace(9), &data);
        assert_eq!(decode_leaf(&leaf), Ok((Namespace(9), data.as_slice())));
        let mut long = leaf.clone();
        long.push(0);
        assert_eq!(decode_leaf(&long), Err(ProofError::Leaf));
        assert_eq!(decode_leaf(&leaf[..leaf.len() - 1]), Err(ProofError::Leaf));
    }
    // Length 1 as two groups.
    assert_eq!(
        decode_leaf(&[0, 0, 0, 9, 0x81, 0, 7]),
        Err(ProofError::Leaf)
    );
    assert_eq!(decode_leaf(&[0xff; 12]), Err(ProofError::Leaf));
    assert_eq!(decode_leaf(&[0; 3]), Err(ProofError::Leaf));
}

fn arb_leaves() -> impl Strategy<Value = Vec<(Namespace, Vec<u8>)>> {
    let leaf = (0..6_u32, prop::collection::vec(any::<u8>(), 0..40));
    prop::collection::vec(leaf, 1..40).prop_map(|mut leaves| {
        leaves.sort_by_key(|leaf| leaf.0);
        leaves
            .into_iter()
            .map(|(ns, d)| (Namespace(ns), d))
            .collect()
    })
}

proptest! {
    #[test]
    fn every_leaf_of_every_tree_proves_and_no_changed_one_does(
        leaves in arb_leaves(),
        pick in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let (tree, all) = samples(&leaves);
        let (root, count) = (tree.root(), leaves.len() as u32);
        for sample in &all {
            prop_assert_eq!(sample.verify(&root.hash, count), Ok((root.min, root.max)));
        }
        let good = &all[pick.index(all.len())];
        let mut leaf = good.leaf.to_vec();
        let at = flip.index(leaf.len());
        leaf[at] ^= 1 << bit;
        let bad = Sample { leaf: leaf.into(), ..good.clone() };
        prop_assert!(bad.verify(&root.hash, count).is_err());
        if !good.path.is_empty() {
            let mut bad = good.clone();
            let at = flip.index(bad.path.len());
            bad.path[at].hash.0[3] ^= 1 << bit;
            prop_assert!(bad.verify(&root.hash, count).is_err());
            let mut bad = good.clone();
            bad.path[at].edge.0 ^= 1 << bit;
            prop_assert!(bad.verify(&root.hash, count).is_err());
        }
    }

    #[test]
    fn leaves_from_anywhere_are_read_or_refused(leaf in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok((namespace, data)) = decode_leaf(&leaf) {
            prop_assert_eq!(encode_leaf(namespace, data), leaf);
        }
    }
}
