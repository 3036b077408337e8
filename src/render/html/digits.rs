//! Numbers as text: digits of five bits, the lowest first, each but the last of a number marked.
//!
//! Small numbers take one character, and none means anything to HTML. Source maps write theirs in this way.

use std::fmt;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes that are gathered before they are passed on.
const BUFFER: usize = 4_096;

/// Writes numbers one after the other.
pub(super) struct Digits<'a, W> {
    out: &'a mut W,
    buffer: String,
}

impl<'a, W: fmt::Write> Digits<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        Digits { out, buffer: String::with_capacity(BUFFER + 16) }
    }

    pub(super) fn put(&mut self, mut number: u64) -> fmt::Result {
        while number >= 32 {
            self.buffer.push(char::from(ALPHABET[(number % 32 + 32) as usize]));
            number /= 32;
        }
        self.buffer.push(char::from(ALPHABET[number as usize]));
        if self.buffer.len() < BUFFER { Ok(()) } else { self.flush() }
    }

    pub(super) fn put_len(&mut self, number: usize) -> fmt::Result {
        self.put(number as u64)
    }

    /// Small numbers of both signs stay small.
    pub(super) fn put_signed(&mut self, number: i64) -> fmt::Result {
        self.put(((number << 1) ^ (number >> 63)) as u64)
    }

    pub(super) fn flush(&mut self) -> fmt::Result {
        self.out.write_str(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(numbers: &[u64]) -> String {
        let mut out = String::new();
        let mut digits = Digits::new(&mut out);
        numbers.iter().try_for_each(|&number| digits.put(number)).unwrap();
        digits.flush().unwrap();
        out
    }

    #[test]
    fn a_number_takes_a_character_for_each_five_bits() {
        assert_eq!(written(&[0, 1, 31]), "ABf");
        assert_eq!(written(&[32, 1_000]), "gBof");
        assert_eq!(written(&[u64::MAX]).len(), 13);
    }

    #[test]
    fn signs_alternate() {
        let mut out = String::new();
        let mut digits = Digits::new(&mut out);
        [0, -1, 1, -2].iter().try_for_each(|&number| digits.put_signed(number)).unwrap();
        digits.flush().unwrap();
        assert_eq!(out, "ABCD");
    }
}
