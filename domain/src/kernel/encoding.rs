//! The encoding of bytes that others wrote. That of a file or a body is told from the whole of it: many texts in GBK are by chance valid
//! UTF-8 here and there.

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE};

/// Bytes at the beginning of a file from which its encoding is told.
pub const HEAD_BYTES: usize = 4_096;
/// A file is no UTF-8 if more than one in this many of its characters beyond ASCII is broken; with fewer, single rows are.
const BROKEN_ONE_IN: u64 = 10;
/// UTF-16 without a mark is told from one zero in so many bytes.
const ZEROS_ONE_IN: usize = 8;
/// Characters of three bytes and more from which an unbroken file is surely UTF-8.
const SURELY_UTF8_CHARS: u64 = 3;

/// The encoding of a name in a map, such as `gb18030` or `latin1`.
pub fn by_name(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(name.as_bytes())
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    Unmarked,
    /// A byte-order mark of this many bytes, or none where UTF-16 is told from its zeros.
    Marked(&'static Encoding, usize),
    /// UTF-32 cannot be read.
    Utf32,
}

pub fn beginning(head: &[u8]) -> Beginning {
    if head.starts_with(&[0xff, 0xfe, 0, 0]) || head.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Beginning::Utf32;
    }
    if let Some((encoding, length)) = Encoding::for_bom(head) {
        return Beginning::Marked(encoding, length);
    }
    if head.starts_with(&[0x84, 0x31, 0x95, 0x33]) {
        return Beginning::Marked(GB18030, 4);
    }
    // Delimiters, digits and line ends are ASCII: in UTF-16 one of their two bytes is 0.
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (high, low) = (zeros(0), zeros(1));
    if (high + low) * ZEROS_ONE_IN <= head.len() {
        Beginning::Unmarked
    } else if low > high {
        Beginning::Marked(UTF_16LE, 0)
    } else {
        Beginning::Marked(UTF_16BE, 0)
    }
}

/// Counts the characters beyond ASCII of a whole file, read as UTF-8.
#[derive(Clone, Debug, Default)]
pub struct Utf8Count {
    /// The beginning of a character that continues in the next part.
    cut: Vec<u8>,
    valid: u64,
    /// Of these, with three bytes or more: Chinese characters.
    long: u64,
    broken: u64,
    lines: u64,
    first_broken_line: Option<u64>,
}

impl Utf8Count {
    pub fn add(&mut self, part: &[u8]) {
        let joined;
        let mut rest = part;
        if !self.cut.is_empty() {
            let mut whole = std::mem::take(&mut self.cut);
            whole.extend_from_slice(part);
            joined = whole;
            rest = &joined;
        }
        while let Err(error) = std::str::from_utf8(rest) {
            let (valid, from_error) = rest.split_at(error.valid_up_to());
            self.add_valid(valid);
            let Some(length) = error.error_len() else {
                self.cut = from_error.to_vec();
                return;
            };
            self.add_broken();
            rest = &from_error[length..];
        }
        self.add_valid(rest);
    }

    pub fn finish(&mut self) {
        if !std::mem::take(&mut self.cut).is_empty() {
            self.add_broken();
        }
    }

    fn add_valid(&mut self, text: &[u8]) {
        for byte in text {
            self.valid += u64::from(*byte >= 0xc0);
            self.long += u64::from(*byte >= 0xe0);
            self.lines += u64::from(*byte == b'\n');
        }
    }

    fn add_broken(&mut self) {
        self.broken += 1;
        self.first_broken_line.get_or_insert(self.lines + 1);
    }

    /// The line in which the file turns out not to be UTF-8.
    pub fn not_utf8_in_line(&self) -> Option<u64> {
        self.first_broken_line.filter(|_| self.broken * BROKEN_ONE_IN > self.valid)
    }

    /// Whether reading the file in an encoding for which it was not written gives garbage: it is surely UTF-8.
    pub const fn is_surely_utf8(&self) -> bool {
        self.broken == 0 && self.long >= SURELY_UTF8_CHARS
    }
}

/// Counts the same in text that was decoded from another encoding.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecodedCount {
    beyond_ascii: u64,
    broken: u64,
}

impl DecodedCount {
    pub fn add(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_ascii()) {
            self.beyond_ascii += 1;
            self.broken += u64::from(c == char::REPLACEMENT_CHARACTER);
        }
    }

    /// Whether the file has another encoding than the one in which it was read.
    pub const fn is_wrong(&self) -> bool {
        self.broken * BROKEN_ONE_IN > self.beyond_ascii
    }
}
