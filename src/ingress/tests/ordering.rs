//! Pieces that come out of order, late, twice or never.

use proptest::prelude::*;

use crate::audio::SampleRate;
use crate::ingress::Incoming;
use crate::ingress::chunked::{Chunk, ChunkedTrack};
use crate::ingress::sequence::{Piece, Sequence};
use crate::ingress::telnyx::REORDER_DEPTH;

fn ordered(depth: usize, numbers: &[u64]) -> Vec<Piece<u64>> {
    let mut sequence = Sequence::new(depth);
    let mut out = Vec::new();
    for &number in numbers {
        sequence.push(number, number, &mut out);
    }
    sequence.finish(&mut out);
    out
}

#[test]
fn an_early_piece_waits_for_the_missing_one_within_the_bound() {
    use Piece::{Here, Missing};
    assert_eq!(ordered(2, &[1, 3, 2]), [Here(1), Here(2), Here(3)]);
    assert_eq!(ordered(2, &[1, 3, 4, 5, 2]), [Here(1), Missing(1), Here(3), Here(4), Here(5)]);
    assert_eq!(ordered(0, &[1, 3, 2]), [Here(1), Missing(1), Here(3)]);
    assert_eq!(
        ordered(2, &[5, 4, 6, 7]),
        [Here(4), Here(5), Here(6), Here(7)],
        "a stream that does not begin at 1"
    );
}

#[test]
fn a_peer_that_counts_anew_is_followed() {
    use Piece::Here;
    assert_eq!(
        ordered(2, &[1_000, 1_001, 1_002, 1, 2]),
        [Here(1_000), Here(1_001), Here(1_002), Here(1), Here(2)]
    );
    assert_eq!(ordered(0, &[1, 10_000, 10_001]), [Here(1), Here(10_000), Here(10_001)]);
}

#[test]
fn a_hole_is_as_long_as_the_peers_clock_says_and_no_longer_than_the_missing_chunks() {
    let lost = |numbers: &[(u64, u64)]| {
        let mut track = ChunkedTrack::new(0, SampleRate::TELEPHONE, 0);
        let mut facts = Vec::new();
        for &(number, at) in numbers {
            track.push(Some(number), Chunk { samples: vec![0.0; 160], timestamp_ms: Some(at) }, &mut facts);
        }
        facts
            .iter()
            .map(|fact| if let Incoming::Lost { samples, .. } = fact { *samples } else { 0 })
            .sum::<u64>()
    };
    assert_eq!(lost(&[(1, 0), (2, 20)]), 0);
    assert_eq!(lost(&[(1, 0), (4, 60)]), 320);
    assert_eq!(lost(&[(1, 0), (3, 20)]), 0, "numbers are shared with another track");
    assert_eq!(lost(&[(1, 0), (3, 60_000)]), 160, "the clock jumps");
    assert_eq!(lost(&[(1, 0), (2, 60_000)]), 0, "the clock jumps, and no chunk is missing");
}

proptest! {
    #[test]
    fn pieces_that_move_less_than_the_depth_come_out_sorted(
        count in 1u64..80,
        moves in proptest::collection::vec(0usize..REORDER_DEPTH, 80),
    ) {
        // Each piece is delayed by less than the depth, as in a network with jitter.
        let mut arrivals: Vec<(usize, u64)> =
            (1..=count).map(|number| (number as usize + moves[number as usize - 1], number)).collect();
        arrivals.sort();
        let numbers: Vec<u64> = arrivals.into_iter().map(|(_, number)| number).collect();
        let sorted: Vec<Piece<u64>> = (1..=count).map(Piece::Here).collect();
        prop_assert_eq!(ordered(REORDER_DEPTH, &numbers), sorted);
    }

    #[test]
    fn whatever_comes_leaves_in_order_and_every_number_is_accounted_for(
        numbers in proptest::collection::vec(1u64..60, 1..80),
        depth in 0usize..8,
    ) {
        let mut position = None;
        for piece in ordered(depth, &numbers) {
            let (from, to) = match (piece, position) {
                (Piece::Here(number), Some(next)) => (next, number),
                (Piece::Here(number), None) => (number, number),
                (Piece::Missing(count), Some(next)) => {
                    position = Some(next + count);
                    continue;
                }
                (Piece::Missing(_), None) => panic!("nothing is missing before the first piece"),
            };
            prop_assert_eq!(from, to);
            position = Some(to + 1);
        }
    }

    #[test]
    fn any_numbers_and_clocks_are_survived(
        chunks in proptest::collection::vec((any::<u64>(), proptest::option::of(any::<u64>()), 0usize..400), 0..60),
        depth in 0usize..8,
    ) {
        let mut track = ChunkedTrack::new(0, SampleRate::PIPELINE, depth);
        let mut facts = Vec::new();
        for (number, timestamp_ms, samples) in chunks {
            track.push(Some(number), Chunk { samples: vec![0.0; samples], timestamp_ms }, &mut facts);
        }
        track.finish(&mut facts);
        for fact in facts {
            if let Incoming::Lost { samples, .. } = fact {
                prop_assert!(samples <= 500 * 400);
            }
        }
    }
}
