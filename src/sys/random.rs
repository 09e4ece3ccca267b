//! Bytes that nobody can guess, from the kernel.

use std::fmt::Write as _;
use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// 256 random bits, as 64 hexadecimal digits.
///
/// # Errors
/// What the kernel says.
pub fn secret() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Err(rustix::io::Errno::INTR) => 0,
            read => read?,
        };
    }
    Ok(bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_are_alike() {
        let (one, other) = (super::secret().unwrap(), super::secret().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }
}
