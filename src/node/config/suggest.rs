//! "Did you mean": the nearest known name to a mistyped one.

/// The candidate nearest to `word`, if one is near enough to be meant: at most a third of its
/// letters differ, neighbours swapped counting once.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    // A pasted paragraph is no typing mistake, and the distance is quadratic.
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|c| (distance(&word, &c.to_ascii_lowercase()), c))
        .filter(|(d, c)| *d <= c.chars().count().max(3) / 3)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// Optimal string alignment distance.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut two_ago: Vec<usize> = Vec::new();
    let mut one_ago: Vec<usize> = (0..=b.len()).collect();
    for (i, &ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &cb) in b.iter().enumerate() {
            let mut best = (one_ago[j + 1] + 1)
                .min(row[j] + 1)
                .min(one_ago[j] + usize::from(ca != cb));
            if i > 0 && j > 0 && ca == b[j - 1] && a[i - 1] == cb {
                best = best.min(two_ago[j - 1] + 1);
            }
            row.push(best);
        }
        two_ago = std::mem::replace(&mut one_ago, row);
    }
    one_ago.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let keys = ["listen", "max_peers", "gossip.limits.tx_per_sec", "aead"];
        assert_eq!(closest("lisetn", keys), Some("listen"));
        assert_eq!(closest("max_peer", keys), Some("max_peers"));
        assert_eq!(closest("maxpeers", keys), Some("max_peers"));
        assert_eq!(closest("AEAD", keys), Some("aead"));
        assert_eq!(closest("colour", keys), None);
        assert_eq!(closest("", keys), None);
        assert_eq!(closest(&"x".repeat(10_000), keys), None);
    }
}
