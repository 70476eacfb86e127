//! Text of another encoding as UTF-8.

use std::io::{self, BufRead, Read};

use encoding_rs::{CoderResult, Decoder, Encoding};

/// Each read gives whole characters; what is broken becomes U+FFFD.
pub struct DecodingReader<R> {
    inner: R,
    decoder: Decoder,
    is_finished: bool,
}

impl<R: BufRead> DecodingReader<R> {
    pub fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self { inner, decoder: encoding.new_decoder_with_bom_removal(), is_finished: false }
    }
}

impl<R: BufRead> Read for DecodingReader<R> {
    /// The buffer must hold a character.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.is_finished {
            let bytes = self.inner.fill_buf()?;
            let is_last = bytes.is_empty();
            let (result, read, written, _) = self.decoder.decode_to_utf8(bytes, buffer, is_last);
            self.inner.consume(read);
            self.is_finished = is_last && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
            if result == CoderResult::OutputFull {
                return Err(io::Error::other("the buffer is too small for a character"));
            }
        }
        Ok(0)
    }
}
