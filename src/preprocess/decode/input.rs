//! A file's bytes as a reader that can be stopped.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// A file's bytes, and the question whether its decoding should stop.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) stopped: &'a dyn Fn() -> bool,
}

impl<'a> Input<'a> {
    pub(super) fn reader(self) -> InputReader<'a> {
        InputReader { input: self, position: 0, unchecked: InputReader::INTERVAL, stopped: false }
    }
}

/// Reads an [`Input`] and asks after every few kilobytes whether to stop. Then every read fails, so
/// that the decoder ends.
pub(super) struct InputReader<'a> {
    input: Input<'a>,
    position: usize,
    /// The number of bytes read since the last question.
    unchecked: usize,
    stopped: bool,
}

impl InputReader<'_> {
    /// The number of bytes between two questions. Deflate makes at most 16 MiB of them.
    const INTERVAL: usize = 16 << 10;

    #[inline]
    fn rest(&mut self) -> io::Result<&[u8]> {
        if self.unchecked >= Self::INTERVAL {
            self.unchecked = 0;
            self.stopped = self.stopped || (self.input.stopped)();
        }
        if self.stopped {
            return Err(io::Error::other("decoding was stopped"));
        }
        let rest = self.input.bytes.get(self.position..).unwrap_or_default();
        Ok(&rest[..rest.len().min(Self::INTERVAL)])
    }
}

impl Read for InputReader<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.rest()?;
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for InputReader<'_> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.rest()
    }

    #[inline]
    fn consume(&mut self, length: usize) {
        self.position += length;
        self.unchecked += length;
    }
}

impl Seek for InputReader<'_> {
    #[inline]
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => usize::try_from(position).ok(),
            SeekFrom::End(offset) => offset_from(self.input.bytes.len(), offset),
            SeekFrom::Current(offset) => offset_from(self.position, offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position as u64)
    }
}

fn offset_from(base: usize, offset: i64) -> Option<usize> {
    base.checked_add_signed(isize::try_from(offset).ok()?)
}
