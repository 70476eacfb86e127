//! Gzip: several members one after another, and zeros behind the last one, with which tapes and block devices fill up.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

pub struct GzipReader<R> {
    /// `None`: the end is reached.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipReader<R> {
    pub fn new(inner: R) -> Self {
        Self { member: Some(GzDecoder::new(inner)) }
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            let is_more = skip_zeros(member.get_mut())?;
            self.member = self.member.take().filter(|_| is_more).map(|member| GzDecoder::new(member.into_inner()));
        }
        Ok(0)
    }
}

/// Whether something else follows.
fn skip_zeros(inner: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = inner.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let is_more = zeros < bytes.len();
        inner.consume(zeros);
        if is_more {
            return Ok(true);
        }
    }
}
