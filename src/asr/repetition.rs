//! Finds the loops that a decoder falls into: the same few items again and again at the end of a sequence.

/// A stretch at the end of a sequence that repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    /// Items of one round.
    pub period: usize,
    /// Whole rounds, at least 2.
    pub rounds: usize,
}

/// The loop at the end of `items`: the period (at most `longest_period`) whose whole rounds cover most items.
/// `None` when nothing is said twice in a row at the end.
pub fn trailing_loop<T: PartialEq>(items: &[T], longest_period: usize) -> Option<Loop> {
    let longest = longest_period.min(items.len() / 2);
    (1..=longest)
        .filter_map(|period| {
            let same = items.iter().rev().zip(items.iter().rev().skip(period));
            let rounds = same.take_while(|(left, right)| left == right).count() / period + 1;
            (rounds >= 2).then_some(Loop { period, rounds })
        })
        .max_by_key(|found| (found.period * found.rounds, std::cmp::Reverse(found.period)))
}

/// Whether `found` is a decoder's loop and not a person's repetition. People say "non non non" and "oui oui oui oui",
/// and read a digit several times over; six of one item, four of two or three, three rounds of a longer phrase are
/// beyond what the evaluation clips hold.
pub fn is_decoder_loop(found: Loop) -> bool {
    let tolerated = match found.period {
        1 => 5,
        2 | 3 => 3,
        _ => 2,
    };
    found.rounds > tolerated
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_loop_at_the_end_is_found_with_its_shortest_period() {
        let check = |text: &str, expected: Option<(usize, usize)>| {
            let items: Vec<char> = text.chars().collect();
            let found = trailing_loop(&items, 8).map(|found| (found.period, found.rounds));
            assert_eq!(found, expected, "{text}");
        };
        check("abc", None);
        check("", None);
        check("xaaaa", Some((1, 4)));
        check("xababab", Some((2, 3)));
        check("xababababy", None);
        check("abcdabcd", Some((4, 2)));
    }

    #[test]
    fn people_may_repeat_themselves() {
        assert!(!is_decoder_loop(Loop { period: 1, rounds: 3 }));
        assert!(is_decoder_loop(Loop { period: 1, rounds: 6 }));
        assert!(!is_decoder_loop(Loop { period: 4, rounds: 2 }));
        assert!(is_decoder_loop(Loop { period: 4, rounds: 3 }));
    }

    proptest! {
        #[test]
        fn what_is_reported_really_repeats(items in proptest::collection::vec(0_u8..3, 0..60)) {
            if let Some(found) = trailing_loop(&items, 10) {
                let tail = &items[items.len() - found.period * found.rounds..];
                prop_assert!(tail.chunks(found.period).all(|round| round == &tail[..found.period]));
            }
        }
    }
}
