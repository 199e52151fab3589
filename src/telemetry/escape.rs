//! Text that a peer chose, made harmless for terminals and logs.

/// Most characters of a peer's text that are shown.
const MAX_SHOWN: usize = 256;

/// `text` without control characters (a peer could otherwise move the cursor, forge log lines or
/// hide text by switching its direction), cut after 256 characters.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(MAX_SHOWN) {
        if is_harmful(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(MAX_SHOWN).is_some() {
        out.push('…');
    }
    out
}

/// Control characters, and the invisible ones that reorder or hide what stands around them.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_do_not_reach_the_terminal() {
        assert_eq!(escaped("animica-p2p/0.1.0"), "animica-p2p/0.1.0");
        assert_eq!(escaped("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\u{a}");
        assert_eq!(escaped("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(escaped(&"é".repeat(300)).chars().count(), 257);
    }
}
