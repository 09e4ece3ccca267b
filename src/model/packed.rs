//! Texts that are shipped inside of the program, and small there: `build.rs` packs them.

/// The text that was packed.
pub fn text(packed: &[u8]) -> String {
    let bytes = miniz_oxide::inflate::decompress_to_vec(packed).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_else(|_| unreachable!("only texts are packed"))
}

/// The text that `build.rs` packed under this name.
macro_rules! shipped {
    ($name:literal) => {
        $crate::model::packed::text(include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".packed")))
    };
}
pub(crate) use shipped;

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
