//! Numbered pieces put back into their order, within a bound.
//!
//! A piece that comes early waits for the missing ones, but for no more than `depth` pieces: then the missing ones are
//! given up. With depth 0 every gap is a loss at once, as it is on a connection that keeps the order.

use std::collections::BTreeMap;

/// A jump of more than this many numbers, forwards or backwards, is a peer that counts anew and no loss: 10 s of 20 ms pieces.
const JUMP_MAX: u64 = 500;

/// Puts pieces into order.
#[derive(Debug)]
pub(super) struct Sequence<T> {
    depth: usize,
    /// The number that comes next; `None` before the first.
    next: Option<u64>,
    waiting: BTreeMap<u64, T>,
}

/// What comes out, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<T> {
    /// A piece.
    Here(T),
    /// So many pieces did not come.
    Missing(u64),
}

impl<T> Sequence<T> {
    pub(super) const fn new(depth: usize) -> Self {
        Self { depth, next: None, waiting: BTreeMap::new() }
    }

    /// Takes piece `number`; appends what is in order. False when it came too late or twice and was dropped.
    pub(super) fn push(&mut self, number: u64, piece: T, ordered: &mut Vec<Piece<T>>) -> bool {
        let reference = self.next.or_else(|| self.waiting.keys().next().copied()).unwrap_or(number);
        if number.abs_diff(reference) > JUMP_MAX {
            self.finish(ordered);
            self.next = None;
        }
        if self.next.is_some_and(|next| number < next) || self.waiting.contains_key(&number) {
            return false;
        }
        self.waiting.insert(number, piece);
        // The first one of all is known as such only when it is number 1, or when nothing can come before it any more.
        if self.next.is_none() && number <= 1 {
            self.next = Some(number);
        }
        self.release(ordered);
        while self.waiting.len() > self.depth {
            self.skip(ordered);
            self.release(ordered);
        }
        true
    }

    /// Gives what waits, with the holes in it.
    pub(super) fn finish(&mut self, ordered: &mut Vec<Piece<T>>) {
        while !self.waiting.is_empty() {
            self.skip(ordered);
            self.release(ordered);
        }
    }

    /// Moves on to the first piece that waits.
    fn skip(&mut self, ordered: &mut Vec<Piece<T>>) {
        let Some(&first) = self.waiting.keys().next() else { return };
        if let Some(next) = self.next
            && first > next
        {
            ordered.push(Piece::Missing(first - next));
        }
        self.next = Some(first);
    }

    fn release(&mut self, ordered: &mut Vec<Piece<T>>) {
        while let Some(next) = self.next
            && let Some(piece) = self.waiting.remove(&next)
        {
            ordered.push(Piece::Here(piece));
            self.next = next.checked_add(1);
        }
    }
}
