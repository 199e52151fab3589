//! Where a peer's view of us says we may be reachable.

use libp2p::{Multiaddr, multiaddr::Protocol as Part};

/// Where we may be reachable, given that a peer sees us at `observed`: as it is, or, when its port
/// is one the system chose for dialling, at our listeners' ports.
pub(super) fn candidates<'a>(
    observed: &Multiaddr,
    translate: bool,
    listen: impl Iterator<Item = &'a Multiaddr>,
) -> Vec<Multiaddr> {
    let is_tcp = |a: &Multiaddr| a.iter().any(|p| matches!(p, Part::Tcp(_)));
    let ip = |a: &Multiaddr| match a.iter().next() {
        Some(part @ (Part::Ip4(_) | Part::Ip6(_))) => Some(part.acquire()),
        _ => None,
    };
    if !translate {
        return vec![observed.clone()];
    }
    let mut out: Vec<Multiaddr> = Vec::new();
    for ours in listen.filter(|a| is_tcp(a) && is_tcp(observed)) {
        if let (Some(seen), Some(Part::Ip4(_) | Part::Ip6(_))) = (ip(observed), ip(ours))
            && let Some(address) = ours.replace(0, |_| Some(seen))
            && !out.contains(&address)
        {
            out.push(address);
        }
    }
    if out.is_empty() {
        out.push(observed.clone());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ephemeral_port_is_replaced_by_our_listeners() {
        let observed: Multiaddr = "/ip4/9.9.9.9/tcp/55555".parse().unwrap();
        let listen: Vec<Multiaddr> = ["/ip4/10.0.0.2/tcp/41000", "/ip4/127.0.0.1/tcp/41000"]
            .iter()
            .map(|a| a.parse().unwrap())
            .collect();
        let there = |translate, listen: &[Multiaddr]| -> Vec<String> {
            let all = candidates(&observed, translate, listen.iter());
            all.iter().map(ToString::to_string).collect()
        };
        assert_eq!(there(true, &listen), ["/ip4/9.9.9.9/tcp/41000"]);
        assert_eq!(there(false, &listen), ["/ip4/9.9.9.9/tcp/55555"]);
        assert_eq!(there(true, &[]), ["/ip4/9.9.9.9/tcp/55555"]);
    }
}
