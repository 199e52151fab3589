//! The tables of `specs/wire.md` are those of the code.

use std::{fs, path::Path};

use animica_p2p::{
    registry::{LIMITS, MessageId},
    wire::max_payload,
};

/// Cells of the rows whose first cell is code, below the heading that starts with `section`.
fn rows(section: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/wire.md");
    let text = fs::read_to_string(path).expect("the specification is readable");
    text.lines()
        .skip_while(|line| !line.starts_with(section))
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().replace('`', "")).collect()
        })
        .collect()
}

#[test]
fn the_specified_limits_are_those_of_the_code() {
    let specified: Vec<(String, u64, String)> = rows("## 5.")
        .into_iter()
        .map(|row| {
            let value = row[1].parse().expect("a number");
            (row[0].clone(), value, row[2].clone())
        })
        .collect();
    let coded: Vec<(String, u64, String)> = LIMITS
        .iter()
        .map(|(name, value, unit)| ((*name).to_owned(), *value, (*unit).to_owned()))
        .collect();
    assert_eq!(specified, coded);
}

#[test]
fn the_specified_message_ids_and_caps_are_those_of_the_code() {
    let specified: Vec<(String, String, String)> = rows("## 2.")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone(), row[2].clone()))
        .collect();
    let coded: Vec<(String, String, String)> = MessageId::ALL
        .iter()
        .map(|id| {
            let cap = max_payload(*id).map_or("–".to_owned(), |cap| cap.to_string());
            (format!("{:#06x}", *id as u16), id.name().to_owned(), cap)
        })
        .collect();
    assert_eq!(specified, coded);
}
