//! Every documented command parses, and what contradicts itself does not.

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("animica-p2p").chain(line.split_whitespace()))
}

#[test]
fn the_grammar_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_documented_command_parses() {
    for line in [
        "listen",
        "listen --listen /ip4/0.0.0.0/tcp/1 --listen tcp://127.0.0.1:2,127.0.0.1:3 --bootstrap a:1 --data-dir d --identity k --chain-id 1 --config c.toml --metrics 127.0.0.1:0 --log-format json -vv",
        "listen --db sqlite:///nodeA.db --listen tcp://127.0.0.1:41000 --chain-id 1",
        "peer connect --addr tcp://127.0.0.1:41000",
        "peer connect 127.0.0.1:41000 --json",
        "peer list",
        "peer disconnect 14QGS",
        "peers list",
        "peer ls",
        "peer show 14QGSa",
        "peer explain 14QGSa --json",
        "peer known",
        "peer known -n 5",
        "peer add /ip4/127.0.0.1/tcp/1/p2p/14QGSa",
        "peer remove 14QGSa",
        "peer ban 14QGSa",
        "peer ban 8.9.0.0/16 --for 7d --reason floods",
        "peer unban 2a00:1450::/32",
        "peer bans",
        "peer trust 14QGSa",
        "peer trust 14QGSa --score 0.25",
        "peer trust 14QGSa --off",
        "peer reserve 14QGSa",
        "peer reserve /ip4/127.0.0.1/tcp/1/p2p/14QGSa --off",
        "trust show 14QGSa",
        "trust events",
        "trust events 14QGSa --limit 3 --json",
        "trust top --count 5",
        "trust share",
        "trust share 14QGSa --ask",
        "discovery status",
        "dht put k v",
        "dht put k - --ttl 90",
        "dht put k --file f --ttl 10m",
        "dht put --content v --ttl 7d",
        "dht get k",
        "dht get k --author 14QGSa",
        "dht get 00 --content --json",
        "dht delete k",
        "dht stats",
        "ping 14QGSa --signed",
        "ping 127.0.0.1:1 --signed -c 2",
        "listen --seed dns://seed.example.org --seed https://h/l.json,file:///l.json",
        "listen --reserve /ip4/127.0.0.1/tcp/1/p2p/14QGSa --announce 203.0.113.7:41000",
        "listen --no-mdns --min-peers 3 --max-peers 9",
        "config print --mdns",
        "publish headers --count 5",
        "publish txs --count 1000 --bytes 300 --seed 4",
        "publish txs --file tx.hex",
        "publish blob --namespace 7 f",
        "publish share f",
        "publish app --topic news --ttl 60 --unsigned hello",
        "broadcast hello",
        "broadcast -",
        "broadcast hello --topic news",
        "send 14QGS hello",
        "send 14QGS hello --kind chat",
        "send 14QGS -",
        "send 14QGS --file f",
        "messages",
        "messages --topic news --follow --count 3",
        "mempool --ids",
        "gossip stats",
        "gossip mesh --json",
        "ping 127.0.0.1:1 -c 3",
        "sync status",
        "sync status --watch",
        "status",
        "--json status",
        "status --json --data-dir d",
        "stats",
        "chain mine --count 10 --txs 2 --tx-bytes 100 --seed 7",
        "chain head --json --db redb:////abs",
        "chain show 5",
        "chain verify",
        "chain export x.chain",
        "chain export x.chain --from 5 --to 9 --force",
        "chain export x.chain --resume",
        "chain import x.chain",
        "config print --origin",
        "config print --origin --listen 127.0.0.1:1",
        "config check",
        "config check file.toml",
        "config init",
        "config init x.toml --force",
        "key generate --alg dilithium3",
        "key generate k --encrypt --passphrase-file p",
        "key show",
        "key verify --identity k",
        "key export-public k -o pub.json",
        "key delegate k --output op.key --days 7",
        "seeds keygen --out k",
        "seeds sign l.json --key k",
        "seeds sign l.json --key k --out m.json --json",
        "seeds sign l.json --key k --add",
        "seeds verify l.json",
        "seeds verify l.json --key KEY@2026-01-01.. --key KEY",
        "health",
        "health --ready",
        "version --json",
        "version",
    ] {
        if let Err(e) = parse(line) {
            panic!("`{line}`: {e}");
        }
    }
}

#[test]
fn what_contradicts_itself_is_a_usage_error() {
    for line in [
        "",
        "lisen",
        "listen --nope",
        "listen --data-dir a --db b",
        "peer connect",
        "peer connect a:1 --addr b:1",
        "chain mine --count x",
        "sync status --until-synced",
        "listen --log-format xml",
        "status --chain-id -1",
        "publish txs",
        "publish txs --count 0",
        "publish txs --count 1 --file f",
        "publish txs --count 1 --bytes 10",
        "publish blob f",
        "broadcast",
        "broadcast x --ttl 0",
        "send 14QGS",
        "send 14QGS hello --file f",
        "peer ban",
        "peer ban 14QGSa --for soon",
        "peer ban 14QGSa --for 0s",
        "peer ban 14QGSa --for 366d",
        "peer ban 14QGSa --for -1h",
        "peer trust 14QGSa --score nan",
        "peer trust 14QGSa --score 2.0",
        "peer trust 14QGSa --score -0.1",
        "peer trust 14QGSa --score 0.5 --off",
        "peer known --limit -1",
        "trust share --ask",
        "dht put k v w",
        "dht put k v --ttl 0",
        "dht put k v --ttl 8d",
        "dht get",
        "dht get k --author 14QGSa --content",
        "listen --max-peers -1",
        "seeds keygen",
        "seeds sign l.json",
        "seeds sign l.json --key k --out m.json --add",
        "seeds verify",
    ] {
        let err = parse(line).expect_err(line);
        assert_eq!(err.exit_code(), 2, "{line}");
    }
}

#[test]
fn lists_repeat_or_are_comma_separated() {
    let cli = parse("listen --listen a:1,b:2 --listen c:3").expect("parses");
    let Command::Listen(listen) = cli.command else {
        panic!("listen");
    };
    assert_eq!(listen.listen, ["a:1", "b:2", "c:3"]);
    assert_eq!(listen.flags()[0].text, "a:1,b:2,c:3");
}

#[test]
fn both_forms_of_peer_connect_name_the_address() {
    for line in ["peer connect h:1", "peer connect --addr h:1"] {
        let Command::Peer(Peer::Connect(connect)) = parse(line).expect(line).command else {
            panic!("{line}");
        };
        assert_eq!(connect.addr(), "h:1");
    }
}

#[test]
fn the_flags_of_discovery_are_configuration() {
    let flags = |line: &str| {
        let Command::Listen(listen) = parse(line).expect(line).command else {
            panic!("{line}");
        };
        let flags = listen.flags().into_iter();
        flags
            .map(|f| format!("{}={}", f.key, f.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(flags("listen"), Vec::<String>::new());
    let line = "listen --seed dns://a --seed file:///b --reserve c --announce d --min-peers 1 --max-peers 2";
    assert_eq!(
        flags(line),
        [
            "seeds=dns://a,file:///b",
            "reserved=c",
            "network.announce=d",
            "min_peers=1",
            "max_peers=2"
        ]
    );
    assert_eq!(flags("listen --no-mdns"), ["discovery.mdns=false"]);
    // The last one counts.
    assert_eq!(flags("listen --no-mdns --mdns"), ["discovery.mdns=true"]);
    assert_eq!(flags("listen --mdns --no-mdns"), ["discovery.mdns=false"]);
}
