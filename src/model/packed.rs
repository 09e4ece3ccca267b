//! Texts and data that are shipped inside of the program, and small there: `build.rs` packs them.

/// What was packed.
pub fn bytes(packed: &[u8]) -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec(packed).unwrap_or_else(|_| unreachable!("`build.rs` packed it"))
}

/// The text that was packed.
pub fn text(packed: &[u8]) -> String {
    String::from_utf8(bytes(packed)).unwrap_or_else(|_| unreachable!("`build.rs` packed a text"))
}

/// The text that `build.rs` packed under this name.
macro_rules! shipped {
    ($name:literal) => {
        $crate::model::packed::text(include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".packed")))
    };
}
pub(crate) use shipped;

/// Compares a shipped text with what is made of the types now, or writes it, where `HOLDPOINT_TEST_WRITE` says so.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test reads what it is told and writes a file of the source")]
pub(crate) fn kept(path: &str, shipped: &str, made: &serde_json::Value) {
    let made = format!("{made:#}\n");
    if std::env::var_os("HOLDPOINT_TEST_WRITE").is_some() {
        std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path), made).unwrap();
    } else {
        assert!(shipped == made, "{path} is not what the types say: `just schemas` writes it again");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_comes_back_as_it_was() {
        for text in ["", "a", "ä\n\0", &"the same again ".repeat(1000)] {
            let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
            assert_eq!(super::text(&packed), text);
        }
    }
}
