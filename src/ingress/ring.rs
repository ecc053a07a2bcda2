//! A ring of samples from a real-time callback to one reader: no allocation, no lock, no waiting on either side.
//!
//! When it is full the newest samples are dropped and counted: the reader is told of the hole, and the callback returns in
//! time. Both ends are single; that each is used by one thread at a time is what `&mut` says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A ring for so many samples, at least 1.
pub(super) fn ring(capacity: usize) -> (Writer, Reader) {
    let slots = (0..capacity.max(1)).map(|_| AtomicU32::new(0)).collect();
    let shared = Arc::new(Shared {
        slots,
        written: AtomicU64::new(0),
        read: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
    });
    (Writer { shared: Arc::clone(&shared) }, Reader { shared, dropped_seen: 0 })
}

#[derive(Debug)]
struct Shared {
    /// Samples as their bits.
    slots: Box<[AtomicU32]>,
    /// Counters that only grow; their difference is what waits.
    written: AtomicU64,
    read: AtomicU64,
    dropped: AtomicU64,
}

/// The end of the callback.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
}

/// The end of the reader.
#[derive(Debug)]
pub(super) struct Reader {
    shared: Arc<Shared>,
    dropped_seen: u64,
}

impl Writer {
    /// Takes as many samples as there is room for; the rest are dropped and counted.
    pub(super) fn push(&mut self, samples: impl ExactSizeIterator<Item = f32>) {
        let shared = &self.shared;
        let capacity = shared.slots.len() as u64;
        let written = shared.written.load(Ordering::Relaxed);
        let room = capacity - (written - shared.read.load(Ordering::Acquire));
        let count = samples.len() as u64;
        let taken = count.min(room);
        for (position, sample) in (written..written + taken).zip(samples) {
            shared.slots[slot(position, capacity)].store(sample.to_bits(), Ordering::Relaxed);
        }
        shared.written.store(written + taken, Ordering::Release);
        if taken < count {
            shared.dropped.fetch_add(count - taken, Ordering::Relaxed);
        }
    }
}

impl Reader {
    /// Appends what waits to `samples`; gives how many samples were dropped after them since the last call.
    pub(super) fn read(&mut self, samples: &mut Vec<f32>) -> u64 {
        let shared = &self.shared;
        let capacity = shared.slots.len() as u64;
        // Before the samples: what is dropped meanwhile belongs to the next call.
        let dropped = shared.dropped.load(Ordering::Relaxed);
        let (read, written) = (shared.read.load(Ordering::Relaxed), shared.written.load(Ordering::Acquire));
        samples.extend(
            (read..written).map(|position| {
                f32::from_bits(shared.slots[slot(position, capacity)].load(Ordering::Relaxed))
            }),
        );
        shared.read.store(written, Ordering::Release);
        let hole = dropped - self.dropped_seen;
        self.dropped_seen = dropped;
        hole
    }
}

const fn slot(position: u64, capacity: u64) -> usize {
    (position % capacity) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_ring_drops_the_newest_and_tells_how_many() {
        let (mut writer, mut reader) = ring(4);
        writer.push([1.0, 2.0, 3.0].into_iter());
        writer.push([4.0, 5.0, 6.0].into_iter());
        let mut samples = Vec::new();
        assert_eq!(reader.read(&mut samples), 2);
        assert_eq!(samples, [1.0, 2.0, 3.0, 4.0]);
        writer.push([7.0].into_iter());
        assert_eq!(reader.read(&mut samples), 0);
        assert_eq!(samples.last(), Some(&7.0));
    }

    #[test]
    fn two_threads_lose_nothing_but_what_is_counted() {
        let (mut writer, mut reader) = ring(64);
        let writing = std::thread::spawn(move || {
            for start in (0u16..6_000).step_by(6) {
                writer.push((start..start + 6).map(f32::from));
            }
        });
        let (mut samples, mut dropped) = (Vec::new(), 0);
        while !writing.is_finished() {
            dropped += reader.read(&mut samples);
        }
        writing.join().unwrap();
        dropped += reader.read(&mut samples);
        assert_eq!(samples.len() as u64 + dropped, 6_000);
        assert!(samples.is_sorted(), "in order");
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written_but_for_what_is_counted(
            capacity in 1usize..40,
            steps in proptest::collection::vec((0usize..30, any::<bool>()), 0..60),
        ) {
            let (mut writer, mut reader) = ring(capacity);
            let (mut model, mut waiting, mut next) = (Vec::new(), 0, 0u16);
            let (mut samples, mut dropped, mut expected_dropped) = (Vec::new(), 0, 0);
            for (count, is_read) in steps {
                let block: Vec<f32> = (0..count).map(|n| f32::from(next + n as u16)).collect();
                next += count as u16;
                let taken = count.min(capacity - waiting);
                model.extend_from_slice(&block[..taken]);
                expected_dropped += count - taken;
                waiting += taken;
                writer.push(block.into_iter());
                if is_read {
                    dropped += reader.read(&mut samples);
                    waiting = 0;
                }
            }
            dropped += reader.read(&mut samples);
            prop_assert_eq!(samples, model);
            prop_assert_eq!(dropped, expected_dropped as u64);
        }
    }
}
