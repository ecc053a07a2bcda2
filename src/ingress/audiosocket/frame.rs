//! The frames of AudioSocket on a byte stream: a kind, a length of two bytes (the high one first), a payload.

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 3;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) payload: &'a [u8],
}

/// Cuts a stream into frames. Keeps at most one incomplete frame, whose length the two bytes bound.
#[derive(Debug, Default)]
pub(super) struct Parser {
    pending: Vec<u8>,
}

impl Parser {
    /// Takes a piece of the stream; gives each whole frame to `each`, which stops the reading by an error.
    ///
    /// # Errors
    /// The error of `each`; what follows in the piece is lost, for the connection ends.
    pub(super) fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        if !self.pending.is_empty() {
            rest = self.complete(rest);
            let pending = std::mem::take(&mut self.pending);
            match split(&pending) {
                Some((frame, _)) => each(frame)?,
                None => self.pending = pending,
            }
        }
        while let Some((frame, after)) = split(rest) {
            each(frame)?;
            rest = after;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Moves bytes to the incomplete frame until it is whole; gives what is left.
    fn complete<'a>(&mut self, mut rest: &'a [u8]) -> &'a [u8] {
        let header_missing = HEADER_BYTES.saturating_sub(self.pending.len()).min(rest.len());
        self.pending.extend_from_slice(&rest[..header_missing]);
        rest = &rest[header_missing..];
        if let &[_, high, low, ref payload @ ..] = self.pending.as_slice() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            let payload_missing = length.saturating_sub(payload.len()).min(rest.len());
            self.pending.extend_from_slice(&rest[..payload_missing]);
            rest = &rest[payload_missing..];
        }
        rest
    }
}

/// The bytes of a frame; payloads are frames of audio and fit the two bytes.
pub(super) fn write(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    bytes.push(kind);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&payload[..usize::from(length)]);
    bytes
}

fn split(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let &[kind, high, low, ref rest @ ..] = bytes else { return None };
    let (payload, after) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((Frame { kind, payload }, after))
}
