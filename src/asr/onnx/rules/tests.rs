use proptest::prelude::*;

use super::super::search::tests::{after, vocabulary};
use super::*;

const WORD: u32 = 0;
const OTHER: u32 = 1;

struct Toy {
    rules: Rules,
    vocabulary: Vocabulary,
}

impl Toy {
    fn new() -> Self {
        let vocabulary = vocabulary();
        Self { rules: Rules::new(&vocabulary), vocabulary }
    }

    fn time(&self, position: u32) -> u32 {
        self.vocabulary.first_timestamp() + position
    }

    /// The tokens that may come after `history` where all scores are `logits`.
    fn allowed(&self, history: &[u32], mut logits: Vec<f32>) -> Vec<u32> {
        let allowed = after(history, |history| self.rules.apply(history, &mut logits));
        allowed.tokens().filter(|token| logits[*token].is_finite()).map(|token| token as u32).collect()
    }

    /// The same where words are so likely that time stamps do not win.
    fn after_words(&self, history: &[u32]) -> Vec<u32> {
        let mut logits = vec![0.0; self.vocabulary.size() as usize];
        logits[WORD as usize] = 50.0;
        self.allowed(history, logits)
    }
}

#[test]
fn a_text_begins_with_a_time_stamp_of_at_most_one_second() {
    let toy = Toy::new();
    assert_eq!(toy.after_words(&[]), (toy.time(0)..=toy.time(50)).collect::<Vec<_>>());
}

#[test]
fn after_the_first_time_stamp_comes_a_word_and_neither_a_blank_nor_the_end() {
    let toy = Toy::new();
    let allowed = toy.after_words(&[toy.time(3)]);
    assert!(allowed.contains(&WORD));
    assert!(allowed.iter().all(|token| toy.vocabulary.is_text(*token)), "no time stamp and no end");
    for blank in toy.vocabulary.blank() {
        assert!(!allowed.contains(&blank));
    }
    assert!(toy.after_words(&[toy.time(3), WORD]).contains(&toy.vocabulary.eot()), "later it may end");
}

#[test]
fn signs_that_are_no_speech_and_special_tokens_never_come() {
    let toy = Toy::new();
    let histories =
        [vec![], vec![toy.time(0)], vec![toy.time(0), WORD], vec![toy.time(0), WORD, toy.time(9)]];
    let suppressed = toy.vocabulary.suppressed();
    assert!(suppressed.contains(&toy.vocabulary.sot()) && suppressed.len() > 100);
    for history in histories {
        let allowed = toy.after_words(&history);
        assert!(allowed.iter().all(|token| suppressed.binary_search(token).is_err()), "{history:?}");
        assert!(!allowed.contains(&toy.vocabulary.no_timestamps()));
    }
}

#[test]
fn a_stretch_ends_later_than_it_began() {
    let toy = Toy::new();
    let allowed = toy.after_words(&[toy.time(40), WORD]);
    let times: Vec<u32> = allowed.iter().copied().filter(|token| *token >= toy.time(0)).collect();
    assert_eq!(times, (toy.time(41)..toy.vocabulary.size()).collect::<Vec<_>>());
    assert!(allowed.contains(&OTHER) && allowed.contains(&toy.vocabulary.eot()));
}

#[test]
fn after_the_end_of_a_stretch_the_next_begins_or_the_text_ends() {
    let toy = Toy::new();
    let history = [toy.time(0), WORD, toy.time(100)];
    let times: Vec<u32> = (toy.time(100)..toy.vocabulary.size()).collect();
    let mut logits = vec![0.0; toy.vocabulary.size() as usize];
    logits[WORD as usize] = 50.0;
    let all = (times.len() as f32).ln();
    logits[toy.vocabulary.eot() as usize] = all + 0.01;
    let mut expected = vec![toy.vocabulary.eot()];
    expected.extend(&times);
    assert_eq!(toy.allowed(&history, logits.clone()), expected, "the next may begin at that very moment");
    logits[toy.vocabulary.eot() as usize] = all - 0.01;
    assert_eq!(toy.allowed(&history, logits), times, "more is likelier than the end");
}

#[test]
fn a_stretch_that_has_begun_has_words() {
    let toy = Toy::new();
    let begun = [toy.time(0), WORD, toy.time(100), toy.time(120)];
    let allowed = toy.after_words(&begun);
    assert!(allowed.contains(&WORD));
    assert!(allowed.iter().all(|token| toy.vocabulary.is_text(*token)), "no time stamp and no end");
    let ended = toy.after_words(&[&begun[..], &[WORD]].concat());
    assert!(ended.contains(&toy.vocabulary.eot()), "then it may end");
}

#[test]
fn time_stamps_win_where_together_they_are_more_probable_than_any_word() {
    let toy = Toy::new();
    let history = [toy.time(0), WORD];
    let times = toy.vocabulary.size() - toy.time(1);
    let mut logits = vec![f32::NEG_INFINITY; toy.vocabulary.size() as usize];
    logits[toy.time(0) as usize..].fill(0.0);
    let all = (times as f32).ln();
    logits[WORD as usize] = all - 0.01;
    let allowed = toy.allowed(&history, logits.clone());
    assert_eq!(allowed.len(), times as usize, "each alone is far less probable than the word");
    logits[WORD as usize] = all + 0.01;
    assert_eq!(toy.allowed(&history, logits.clone())[0], WORD);
    logits[WORD as usize] = f32::NEG_INFINITY;
    logits[toy.vocabulary.eot() as usize] = all + 0.01;
    assert_eq!(toy.allowed(&history, logits)[0], toy.vocabulary.eot(), "the end counts as a word");
}

#[test]
fn after_the_last_moment_of_the_window_no_time_stamp_is_left() {
    let toy = Toy::new();
    let last = toy.vocabulary.size() - 1;
    let allowed = toy.after_words(&[last, WORD]);
    assert!(allowed.contains(&WORD) && allowed.iter().all(|token| *token <= toy.vocabulary.eot()));
    let mut logits = vec![0.0; toy.vocabulary.size() as usize];
    logits[toy.vocabulary.eot() as usize] = 1.0;
    assert_eq!(toy.allowed(&[toy.time(0), WORD, last], logits), [toy.vocabulary.eot(), last]);
}

#[test]
fn the_best_and_the_sum_are_those_of_the_allowed_alone() {
    let logits: Vec<f32> = (0..40_u16).map(|id| f32::from(id % 7) - f32::from(id) * 0.1).collect();
    for (text, timestamps) in [(0..10, 20..40), (0..0, 25..30), (5..6, 0..0), (0..10, 40..40), (0..0, 0..0)] {
        let allowed = Allowed { text, timestamps };
        let mut expected: Vec<(u32, f32)> =
            allowed.tokens().map(|token| (token as u32, logits[token])).collect();
        let sum: f64 = expected.iter().map(|(_, logit)| f64::from(*logit).exp()).sum();
        let found = allowed.log_sum_exp(&logits);
        if expected.is_empty() {
            assert_eq!(found, f32::NEG_INFINITY);
        } else {
            assert!((f64::from(found) - sum.ln()).abs() < 1e-5, "{found}");
        }
        assert!(
            (0..40).all(|token| allowed.contains(token) == expected.iter().any(|(known, _)| *known == token))
        );
        expected.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        expected.truncate(6);
        let mut best = Vec::new();
        allowed.top_k(&logits, 6, &mut best);
        assert_eq!(best, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Any walk along what is allowed, whatever the scores.
    #[test]
    fn time_stamps_never_go_back_and_come_in_pairs(
        choices in proptest::collection::vec((any::<prop::sample::Index>(), -5.0_f32..60.0), 1..24),
    ) {
        let toy = Toy::new();
        let mut history: Vec<u32> = Vec::new();
        for (choice, liking) in choices {
            let mut logits = vec![0.0; toy.vocabulary.size() as usize];
            logits[WORD as usize] = liking;
            let allowed = toy.allowed(&history, logits);
            prop_assert!(!allowed.is_empty(), "there is always a way on");
            let token = allowed[choice.index(allowed.len())];
            if token == toy.vocabulary.eot() {
                break;
            }
            history.push(token);
        }
        let is_time = |token: &u32| *token >= toy.time(0);
        let times: Vec<u32> = history.iter().copied().filter(is_time).collect();
        prop_assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", history);
        let runs = history.chunk_by(|one, other| is_time(one) == is_time(other));
        let runs: Vec<&[u32]> = runs.filter(|run| is_time(&run[0])).collect();
        prop_assert_eq!(runs[0].len(), 1, "the first stands alone");
        if let Some((last, middle)) = runs[1..].split_last() {
            prop_assert!(middle.iter().all(|run| run.len() == 2), "{:?}", history);
            prop_assert!(last.len() <= 2);
        }
    }
}
