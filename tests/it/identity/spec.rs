//! The tables of `specs/identity.md` are those of the code.

use animica_p2p::{crypto::sign::SigAlg, envelope::Envelope, registry::SignContext};

#[test]
fn the_limits_of_the_specification_are_those_of_the_code() {
    let spec = std::fs::read_to_string("specs/identity.md").unwrap();
    let table = spec.split("## 9. Limits").nth(1).unwrap();
    assert!(spec.contains(&format!("Longest object: {} bytes (", Envelope::MAX_BYTES)));
    let mut rows = 0;
    for line in table.lines().filter(|l| l.contains('`')) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let (value, unit) = cells[3].split_once(' ').unwrap();
        let name = cells[2].trim_matches('`');
        let limit = animica_p2p::registry::LIMITS.iter().find(|l| l.0 == name);
        let (_, in_code, code_unit) = limit.unwrap_or_else(|| panic!("{name}"));
        assert_eq!((value, unit), (&*in_code.to_string(), *code_unit), "{name}");
        rows += 1;
    }
    assert_eq!(rows, 11);
    for alg in SigAlg::ALL {
        let row = format!(
            "| {:#06x} | {} | {} | {}",
            alg.id(),
            alg.pk_len(),
            alg.sig_len(),
            alg.stored_len()
        );
        assert!(spec.contains(&row), "{row}");
    }
    for context in SignContext::ALL {
        assert!(spec.contains(&format!("`{}`", context.label())));
    }
}
