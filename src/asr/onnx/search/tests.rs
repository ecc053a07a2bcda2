use proptest::prelude::*;

use super::*;
use crate::asr::decode::tokens::Vocabulary;
use crate::asr::onnx::running::AttentionLog;

/// Text tokens of the toy vocabulary; behind them stand all single bytes.
const WORDS: [&str; 9] = [" un", " deux", " Ae", "ri", "us", " chez", " merci", " oui", " Un"];
const UN: u32 = 0;
const DEUX: u32 = 1;
const AE: u32 = 2;
const RI: u32 = 3;
const US: u32 = 4;
const CHEZ: u32 = 5;
const MERCI: u32 = 6;
const UN_AT_A_START: u32 = 8;
const BOOST: f32 = 2.0;
/// The logit of what a script does not name.
const UNLIKELY: f32 = -60.0;

pub(in crate::asr::onnx) fn vocabulary() -> Vocabulary {
    let words = WORDS.iter().map(|word| word.as_bytes().to_vec());
    let beginnings =
        [" u", " d", " de", " deu", " A", " c", " ch", " che", " m", " me", " mer", " merc", " o", " ou"];
    let beginnings = beginnings.iter().map(|bytes| bytes.as_bytes().to_vec());
    let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
    Vocabulary::new(words.chain(beginnings).chain(bytes).collect(), 51_865).expect("a size that models have")
}

/// Shows `act` the history of a hypothesis with these tokens.
pub(in crate::asr::onnx) fn after<T>(tokens: &[u32], act: impl FnOnce(&History<'_>) -> T) -> T {
    let node = |(index, token): (usize, &u32)| Node {
        token: *token,
        log_probability: 0.0,
        log_confidence: 0.0,
        parent: index.checked_sub(1),
        step: index,
        row: 0,
    };
    let nodes: Vec<Node> = tokens.iter().enumerate().map(node).collect();
    act(&History { nodes: &nodes, node: nodes.len().checked_sub(1) })
}

/// A decoder whose scores are a function of the tokens before.
struct Scripted<F> {
    script: F,
    rows: Vec<(Vec<u32>, Vec<f32>)>,
    steps: usize,
}

impl<F: Fn(&[u32]) -> Vec<f32>> Scripted<F> {
    fn new(script: F) -> Self {
        let logits = script(&[]);
        Self { script, rows: vec![(Vec::new(), logits)], steps: 0 }
    }
}

impl<F: Fn(&[u32]) -> Vec<f32>> Decoder for Scripted<F> {
    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<(), Error> {
        self.steps += 1;
        let row = |(token, parent): (&u32, &usize)| {
            let mut history = self.rows[*parent].0.clone();
            history.push(*token);
            let logits = (self.script)(&history);
            (history, logits)
        };
        self.rows = tokens.iter().zip(parents).map(row).collect();
        Ok(())
    }

    fn forget(&mut self, _needed: &[(usize, usize)]) {}

    fn logits(&mut self, row: usize) -> &mut [f32] {
        &mut self.rows[row].1
    }
}

/// A decoder that looks, in every row of every step, at a place of its own.
struct Looking<F> {
    scripted: Scripted<F>,
    log: AttentionLog,
}

fn place(step: usize, row: usize) -> f32 {
    (1_000 * step + row + 1) as f32
}

impl<F: Fn(&[u32]) -> Vec<f32>> Decoder for Looking<F> {
    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<(), Error> {
        self.scripted.step(tokens, parents)?;
        let places: Vec<f32> = (0..parents.len()).map(|row| place(self.scripted.steps, row)).collect();
        self.log.keep(&places, parents);
        Ok(())
    }

    fn forget(&mut self, needed: &[(usize, usize)]) {
        self.log.forget(needed);
    }

    fn logits(&mut self, row: usize) -> &mut [f32] {
        self.scripted.logits(row)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_any_hypothesis_looked_at_is_not_forgotten(seed in any::<u64>(), beams in 1_usize..6) {
        // Each step has four words and the end, with probabilities that the history decides.
        let script = |history: &[u32]| {
            if history.is_empty() {
                return scores(&[(start(), 1.0)]);
            }
            let mix = history.iter().fold(seed, |mix, token| {
                (mix ^ u64::from(*token)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
            });
            let share = |at: u64| 0.05 + ((mix >> (8 * at)) & 0xFF) as f32 / 255.0;
            let words = (0..4).map(|at| (10 + at as u32, share(at)));
            scores(&words.chain([(end(), 0.02 * share(5))]).collect::<Vec<_>>())
        };
        let rules = Rules::new(&vocabulary());
        let settings = Settings { beams, longest: 70, temperature: 0.0 };
        let guide = Guide { rules: &rules, bias: None, phrasing: None, forced: &[], settings };
        let mut looking = Looking { scripted: Scripted::new(script), log: AttentionLog::default() };
        looking.log.clear(1, 1);
        looking.log.keep(&[place(0, 0)], &[0]);
        let found = Search::default().run(&mut looking, &guide).expect("the script never fails");
        for hypothesis in found {
            let path: Vec<Chosen> = hypothesis.tokens.iter().copied().chain(hypothesis.end).collect();
            let expected: Vec<f32> = path.iter().map(|chosen| place(chosen.step, chosen.row)).collect();
            prop_assert_eq!(looking.log.of(&path), expected);
        }
    }
}

/// Scores of a whole vocabulary in which these tokens have these probabilities.
fn scores(probabilities: &[(u32, f32)]) -> Vec<f32> {
    let mut logits = vec![UNLIKELY; 51_865];
    for (token, probability) in probabilities {
        logits[*token as usize] = probability.ln();
    }
    logits
}

fn settings(beams: usize) -> Settings {
    Settings { beams, longest: 20, temperature: 0.0 }
}

fn search(
    script: impl Fn(&[u32]) -> Vec<f32>,
    bias: Option<&BiasTrie>,
    settings: Settings,
) -> Vec<Hypothesis> {
    search_leaning(script, (bias, None), settings)
}

fn search_leaning(
    script: impl Fn(&[u32]) -> Vec<f32>,
    (bias, phrasing): (Option<&BiasTrie>, Option<&Phrasing>),
    settings: Settings,
) -> Vec<Hypothesis> {
    let rules = Rules::new(&vocabulary());
    let guide = Guide { rules: &rules, bias, phrasing, forced: &[], settings };
    Search::default().run(&mut Scripted::new(script), &guide).expect("the script never fails")
}

#[test]
fn of_words_that_sound_alike_the_one_that_is_said_here_is_heard_also_behind_a_forced_beginning() {
    let doubtful = |history: &[u32]| match history {
        [] => scores(&[(start(), 1.0)]),
        [.., CHEZ] => scores(&[(DEUX, 0.55), (UN, 0.45)]),
        [.., UN | DEUX] => scores(&[(end(), 1.0)]),
        _ => scores(&[(CHEZ, 1.0)]),
    };
    let vocabulary = vocabulary();
    let rules = Rules::new(&vocabulary);
    let said = Phrasing::new(&vocabulary, [" chez un", " deux chez un"], 0.2);
    let hear = |phrasing, forced: &[Chosen]| {
        let mut decoder = Scripted::new(doubtful);
        for chosen in forced {
            decoder.step(&[chosen.token], &[0]).expect("the script never fails");
        }
        let guide = Guide { rules: &rules, bias: None, phrasing, forced, settings: settings(3) };
        let found = Search::default().run(&mut decoder, &guide).expect("the script never fails");
        (text(&found[0]), found[0].log_probability)
    };
    assert_eq!(hear(None, &[]).0, [CHEZ, DEUX]);
    let (words, log_probability) = hear(Some(&said), &[]);
    assert_eq!(words, [CHEZ, UN]);
    assert!((log_probability - 0.45_f32.ln()).abs() < 1e-4, "what is told of it is what was heard");
    let chosen = |(step, token)| Chosen { token, log_probability: 0.0, log_confidence: 0.0, step, row: 0 };
    let forced: Vec<Chosen> = [start(), CHEZ].into_iter().enumerate().map(chosen).collect();
    assert_eq!(hear(None, &forced).0, [CHEZ, DEUX]);
    assert_eq!(hear(Some(&said), &forced).0, [CHEZ, UN]);
}

/// How sure a search is of the only word of a text, when these words may be heard.
fn confidence(heard: &[(u32, f32)], phrasing: Option<&Phrasing>, beams: usize) -> (u32, f32) {
    let script = |history: &[u32]| match history {
        [] => scores(&[(start(), 1.0)]),
        [_] => scores(heard),
        _ => scores(&[(end(), 1.0)]),
    };
    let found = search_leaning(script, (None, phrasing), settings(beams));
    let word = found[0].tokens[1];
    (word.token, word.log_confidence.exp())
}

#[test]
fn a_word_is_as_sure_as_all_ways_to_write_it_together() {
    let (token, sure) = confidence(&[(DEUX, 0.4), (UN, 0.25), (UN_AT_A_START, 0.35)], None, 3);
    assert!(token == DEUX && (sure - 0.4).abs() < 1e-4, "{sure}");
    let (token, sure) = confidence(&[(DEUX, 0.2), (UN, 0.3), (UN_AT_A_START, 0.5)], None, 3);
    assert!(token == UN_AT_A_START && (sure - 0.8).abs() < 1e-4, "{sure}");
}

#[test]
fn a_word_that_is_chosen_since_it_is_said_here_is_as_sure_as_it_was_when_it_was_chosen() {
    let said = Phrasing::new(&vocabulary(), [" un"], 0.2);
    let of = |token| said.step(PhrasingState::default(), token).1.exp();
    // A greedy search has two candidates. What is left, 0.1, is worth no more than the word that is never said.
    let all = 0.4 * of(UN) + 0.5 * of(DEUX) + 0.1 * of(DEUX);
    let (token, sure) = confidence(&[(DEUX, 0.5), (UN, 0.4), (CHEZ, 0.1)], Some(&said), 1);
    assert!(token == UN && (sure - 0.4 * of(UN) / all).abs() < 1e-3, "{sure}");
    assert!(sure > 0.5, "{sure}");
}

/// The text tokens of a hypothesis.
fn text(hypothesis: &Hypothesis) -> Vec<u32> {
    let end_of_text = vocabulary().eot();
    hypothesis.tokens.iter().map(|chosen| chosen.token).filter(|token| *token < end_of_text).collect()
}

fn start() -> u32 {
    vocabulary().first_timestamp()
}

fn end() -> u32 {
    vocabulary().eot()
}

/// A likely first word that leads nowhere, and a less likely one that everything follows from.
fn garden_path(history: &[u32]) -> Vec<f32> {
    match history {
        [] => scores(&[(start(), 1.0)]),
        [_] => scores(&[(UN, 0.6), (CHEZ, 0.4)]),
        [_, UN] => scores(&[(DEUX, 0.3), (MERCI, 0.25), (AE, 0.25), (RI, 0.2)]),
        [_, CHEZ] => scores(&[(MERCI, 0.95), (DEUX, 0.05)]),
        _ => scores(&[(end(), 1.0)]),
    }
}

#[test]
fn a_greedy_search_takes_the_most_probable_token_every_time() {
    let found = search(garden_path, None, settings(1));
    assert_eq!(found.len(), 1);
    assert_eq!(text(&found[0]), [UN, DEUX]);
    let expected = 0.6_f32.ln() + 0.3_f32.ln();
    assert!((found[0].log_probability - expected).abs() < 1e-4, "{}", found[0].log_probability);
}

#[test]
fn several_beams_find_the_text_that_a_greedy_search_misses() {
    for beams in 2..=5 {
        let found = search(garden_path, None, settings(beams));
        assert_eq!(text(&found[0]), [CHEZ, MERCI], "{beams} beams");
        let expected = 0.4_f32.ln() + 0.95_f32.ln();
        assert!((found[0].log_probability - expected).abs() < 1e-4, "{}", found[0].log_probability);
    }
}

#[test]
fn the_hypotheses_come_best_first_and_differ() {
    let found = search(garden_path, None, settings(4));
    assert!(found.len() > 1);
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    let mut texts: Vec<_> = found.iter().map(text).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), found.len());
}

#[test]
fn a_text_that_never_ends_is_cut_at_the_longest() {
    let babble = |history: &[u32]| match history.len() as u32 {
        0 => scores(&[(start(), 1.0)]),
        said => scores(&[(20 + said, 0.9), (DEUX, 0.1)]),
    };
    for (beams, longest) in [(1, 1), (1, 7), (3, 7), (5, 12)] {
        let found = search(babble, None, Settings { longest, ..settings(beams) });
        assert!(found.iter().all(|hypothesis| hypothesis.tokens.len() == longest));
        assert!(found.iter().all(|hypothesis| hypothesis.end.is_none()));
        assert_eq!(text(&found[0]), (21..20 + longest as u32).collect::<Vec<_>>());
    }
}

#[test]
fn a_text_that_turns_in_circles_is_not_followed_to_the_longest() {
    // Two words in turn, for ever.
    let circle = |history: &[u32]| match history {
        [] => scores(&[(start(), 1.0)]),
        [.., UN] => scores(&[(DEUX, 0.9), (CHEZ, 0.1)]),
        _ => scores(&[(UN, 0.9), (CHEZ, 0.1)]),
    };
    let rules = Rules::new(&vocabulary());
    for beams in [1, 5] {
        let mut decoder = Scripted::new(circle);
        let guide = Guide {
            rules: &rules,
            bias: None,
            phrasing: None,
            forced: &[],
            settings: Settings { longest: 200, ..settings(beams) },
        };
        let found = Search::default().run(&mut decoder, &guide).expect("the script never fails");
        let words = text(&found[0]);
        assert_eq!(words[..4], [UN, DEUX, UN, DEUX]);
        assert!(trailing_loop(&words, 4).is_some_and(is_decoder_loop), "told for what it is: {words:?}");
        assert!(decoder.steps < 20, "{} steps", decoder.steps);
    }
}

#[test]
fn an_end_names_the_step_and_the_row_whose_scores_it_was_taken_from() {
    let found = search(garden_path, None, settings(1));
    let ended = found[0].end.expect("the script ends");
    assert_eq!((ended.token, ended.step, ended.row), (end(), 3, 0));
    let steps: Vec<usize> = found[0].tokens.iter().map(|chosen| chosen.step).collect();
    assert_eq!(steps, [0, 1, 2]);
    let beam = search(garden_path, None, settings(2));
    let rows: Vec<usize> = beam[0].tokens.iter().map(|chosen| chosen.row).collect();
    assert_eq!(rows, [0, 0, 1], "the better text was the second row when its last word was chosen");
}

#[test]
fn a_doubt_about_the_beginning_takes_no_beam_from_one_about_the_end() {
    // Two first words, many words that nobody doubts, and a fork whose better way looks worse at first.
    let between = 20_u32..20 + SAME_END as u32;
    let script = |history: &[u32]| match history {
        [] => scores(&[(start(), 1.0)]),
        [_] => scores(&[(UN, 0.55), (DEUX, 0.45)]),
        [.., last] if *last == between.end - 1 => scores(&[(CHEZ, 0.6), (AE, 0.4)]),
        [.., CHEZ] => scores(&[(MERCI, 0.25), (RI, 0.25), (US, 0.25), (UN, 0.25)]),
        [.., last] if between.contains(last) => scores(&[(last + 1, 1.0)]),
        [_, _] => scores(&[(between.start, 1.0)]),
        _ => scores(&[(end(), 1.0)]),
    };
    let found = search(script, None, settings(2));
    assert_eq!(text(&found[0])[0], UN);
    assert_eq!(text(&found[0]).last(), Some(&AE), "both ways of the fork were followed");
    // What lies nearer than so many tokens is still open.
    let near = |history: &[u32]| match history {
        [] => scores(&[(start(), 1.0)]),
        [_] => scores(&[(UN, 0.55), (DEUX, 0.45)]),
        [_, _] => scores(&[(CHEZ, 1.0)]),
        [_, UN, CHEZ] => scores(&[(MERCI, 0.5), (RI, 0.5)]),
        [_, DEUX, CHEZ] => scores(&[(MERCI, 1.0)]),
        _ => scores(&[(end(), 1.0)]),
    };
    assert_eq!(text(&search(near, None, settings(2))[0]), [DEUX, CHEZ, MERCI]);
}

#[test]
fn a_hopeless_rest_is_not_decoded() {
    // One text ends at once with nearly all probability; the other would go on for ever.
    let script = |history: &[u32]| match history {
        [] => scores(&[(start(), 1.0)]),
        [_] => scores(&[(UN, 0.99), (DEUX, 0.01)]),
        [_, UN, ..] => scores(&[(end(), 1.0)]),
        _ => scores(&[(DEUX, 1.0)]),
    };
    let rules = Rules::new(&vocabulary());
    let mut decoder = Scripted::new(script);
    let guide = Guide { rules: &rules, bias: None, phrasing: None, forced: &[], settings: settings(2) };
    let found = Search::default().run(&mut decoder, &guide).expect("the script never fails");
    assert_eq!(text(&found[0]), [UN]);
    assert!(decoder.steps < 5, "{} steps", decoder.steps);
}

#[test]
fn an_error_of_the_decoder_ends_the_search() {
    struct Failing;
    impl Decoder for Failing {
        fn step(&mut self, _tokens: &[u32], _parents: &[usize]) -> Result<(), Error> {
            Err(Error::Cancelled)
        }

        fn forget(&mut self, _needed: &[(usize, usize)]) {}

        fn logits(&mut self, _row: usize) -> &mut [f32] {
            Box::leak(scores(&[(start(), 1.0)]).into_boxed_slice())
        }
    }
    let rules = Rules::new(&vocabulary());
    let guide = Guide { rules: &rules, bias: None, phrasing: None, forced: &[], settings: settings(2) };
    assert!(matches!(Search::default().run(&mut Failing, &guide), Err(Error::Cancelled)));
}

fn names(names: &[&str]) -> BiasTrie {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    BiasTrie::new(&vocabulary(), &names, BOOST)
}

/// `chez`, then either a name of three tokens or another word, the word a little likelier at every turn.
fn beside_a_name(history: &[u32]) -> Vec<f32> {
    match history {
        [] => scores(&[(start(), 1.0)]),
        [_] => scores(&[(CHEZ, 1.0)]),
        [_, CHEZ] => scores(&[(MERCI, 0.7), (AE, 0.3)]),
        [.., AE] => scores(&[(RI, 0.6), (DEUX, 0.4)]),
        [.., RI] => scores(&[(US, 0.6), (UN, 0.4)]),
        _ => scores(&[(end(), 1.0)]),
    }
}

#[test]
fn a_name_of_the_vocabulary_is_preferred_to_a_likelier_word() {
    let plain = search(beside_a_name, None, settings(3));
    assert_eq!(text(&plain[0]), [CHEZ, MERCI]);
    let trie = names(&["Aerius"]);
    let biased = search(beside_a_name, Some(&trie), settings(3));
    assert_eq!(text(&biased[0]), [CHEZ, AE, RI, US]);
    let probability = 0.3_f32.ln() + 0.6_f32.ln() + 0.6_f32.ln();
    assert!((biased[0].log_probability - probability).abs() < 1e-4, "the bonus is no probability");
    assert!((biased[0].score - (probability + 3.0 * BOOST) / 6.0).abs() < 1e-4, "{}", biased[0].score);
}

#[test]
fn the_bonus_of_a_name_that_is_not_finished_is_taken_back() {
    let broken_off = |history: &[u32]| match history {
        [.., AE] => scores(&[(end(), 1.0)]),
        history => beside_a_name(history),
    };
    let trie = names(&["Aerius"]);
    let found = search(broken_off, Some(&trie), settings(3));
    assert_eq!(text(&found[0]), [CHEZ, MERCI], "the beginning of a name gains nothing");
    let begun = found.iter().find(|hypothesis| text(hypothesis) == [CHEZ, AE]).expect("it was tried");
    assert!((begun.score - 0.3_f32.ln() / 4.0).abs() < 1e-4, "{}", begun.score);
}

#[test]
fn the_first_token_of_a_name_is_tried_although_it_is_not_among_the_best() {
    // Six words are likelier than the name's first token, more than a search of one beam looks at.
    let script = |history: &[u32]| match history {
        [_, CHEZ] => scores(&[(UN, 0.3), (DEUX, 0.25), (RI, 0.2), (US, 0.15), (MERCI, 0.08), (AE, 0.02)]),
        [.., AE] => scores(&[(RI, 1.0)]),
        [.., AE, RI] => scores(&[(US, 1.0)]),
        history => beside_a_name(history),
    };
    let trie = BiasTrie::new(&vocabulary(), &["Aerius".to_owned()], 3.0);
    let found = search(script, Some(&trie), settings(1));
    assert_eq!(text(&found[0]), [CHEZ, AE, RI, US]);
    let improbable = |history: &[u32]| match history {
        [_, CHEZ] => scores(&[(UN, 1.0), (AE, 1e-6)]),
        history => script(history),
    };
    let found = search(improbable, Some(&trie), settings(1));
    assert_eq!(text(&found[0]), [CHEZ, UN], "what the audio says nothing of is not offered");
}

/// Scores that are a hash of what came before: any text may come.
fn arbitrary_scores(seed: u64, spread: f32) -> impl Fn(&[u32]) -> Vec<f32> {
    move |history: &[u32]| {
        let mut state = history.iter().fold(seed | 1, |state, token| {
            (state ^ u64::from(*token)).wrapping_mul(0x0100_0000_01B3).rotate_left(23) | 1
        });
        let mut uniform = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1_u64 << 24) as f32
        };
        let vocabulary = 51_865;
        let mut logits: Vec<f32> = (0..vocabulary).map(|_| uniform() * spread).collect();
        // Short enough that some texts end.
        logits[50_257] += spread * 0.5 * (uniform() + history.len() as f32 * 0.05);
        logits
    }
}

/// What any result of a search must hold.
fn check(found: &[Hypothesis], settings: Settings) {
    let (vocabulary, end_of_text, first) = (vocabulary(), end(), start());
    let suppressed = vocabulary.suppressed();
    assert!(!found.is_empty());
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    for hypothesis in found {
        let tokens: Vec<u32> = hypothesis.tokens.iter().map(|chosen| chosen.token).collect();
        assert!(tokens.len() <= settings.longest);
        assert!(tokens.iter().all(|token| *token < end_of_text || *token >= first), "{tokens:?}");
        assert!(tokens.iter().all(|token| suppressed.binary_search(token).is_err()), "{tokens:?}");
        assert!((first..=first + 50).contains(&tokens[0]), "a text begins with a time stamp within 1 s");
        let times: Vec<u32> = tokens.iter().copied().filter(|token| *token >= first).collect();
        assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{times:?}");
        let chosen = hypothesis.tokens.iter().chain(&hypothesis.end);
        assert!(chosen.clone().all(|chosen| chosen.log_probability <= 1e-5));
        let sum: f32 = chosen.map(|chosen| chosen.log_probability).sum();
        assert!((sum - hypothesis.log_probability).abs() < 1e-3 * (1.0 - sum), "{sum}");
        let score = hypothesis.log_probability / (tokens.len() + 1) as f32;
        assert!((score - hypothesis.score).abs() < 1e-4 * (1.0 - score), "{score}");
    }
}

/// The plainest greedy decoder: the best allowed token until the end.
fn plain_greedy(script: impl Fn(&[u32]) -> Vec<f32>, longest: usize) -> Vec<u32> {
    let rules = Rules::new(&vocabulary());
    let mut tokens: Vec<u32> = Vec::new();
    while tokens.len() < longest {
        let mut logits = script(&tokens);
        let allowed = after(&tokens, |history| rules.apply(history, &mut logits));
        let better =
            |one: &usize, other: &usize| logits[*one].total_cmp(&logits[*other]).then(other.cmp(one));
        let best = allowed.tokens().max_by(better).expect("something is allowed") as u32;
        if best == end() {
            break;
        }
        tokens.push(best);
    }
    tokens
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_result_keeps_the_rules_and_adds_up(seed: u64, beams in 1_usize..=5, spread in 1.0_f32..30.0) {
        let settings = Settings { longest: 10, ..settings(beams) };
        let found = search(arbitrary_scores(seed, spread), None, settings);
        check(&found, settings);
        prop_assert!(found == search(arbitrary_scores(seed, spread), None, settings), "the same once more");
    }

    #[test]
    fn one_beam_is_a_greedy_decoder(seed: u64, spread in 1.0_f32..30.0) {
        let settings = Settings { longest: 12, ..settings(1) };
        let found = search(arbitrary_scores(seed, spread), None, settings);
        let tokens: Vec<u32> = found[0].tokens.iter().map(|chosen| chosen.token).collect();
        prop_assert_eq!(tokens, plain_greedy(arbitrary_scores(seed, spread), 12));
    }

    #[test]
    fn draws_keep_the_rules_and_are_the_same_every_time(seed: u64, beams in 1_usize..=5, temperature in 0.1_f32..2.0) {
        let settings = Settings { longest: 10, beams, temperature };
        let found = search(arbitrary_scores(seed, 12.0), None, settings);
        check(&found, settings);
        prop_assert!(found == search(arbitrary_scores(seed, 12.0), None, settings));
    }
}

#[test]
fn a_search_used_before_gives_what_a_new_one_gives() {
    let rules = Rules::new(&vocabulary());
    let mut used = Search::default();
    for (seed, beams, temperature) in [(3, 5, 0.0), (4, 2, 0.8), (5, 1, 0.0), (3, 5, 0.8), (6, 4, 0.4)] {
        let settings = Settings { beams, longest: 8, temperature };
        let guide = Guide { rules: &rules, bias: None, phrasing: None, forced: &[], settings };
        let mut decoder = Scripted::new(arbitrary_scores(seed, 9.0));
        let again = used.run(&mut decoder, &guide).expect("the script never fails");
        assert_eq!(again, search(arbitrary_scores(seed, 9.0), None, settings));
    }
}

#[test]
fn draws_follow_the_probabilities() {
    let script = |history: &[u32]| match history {
        [] => scores(&[(start(), 1.0)]),
        [_] => scores(&[(UN, 0.5), (DEUX, 0.3), (MERCI, 0.2)]),
        _ => scores(&[(end(), 1.0)]),
    };
    let rules = Rules::new(&vocabulary());
    let logits = &mut script(&[start()])[..];
    let allowed = after(&[start()], |history| rules.apply(history, logits));
    let mut draws = Draws::default();
    let mut counts = [0_u32; 3];
    for _ in 0..1_000 {
        match draws.draw(logits, &allowed, 1.0) {
            UN => counts[0] += 1,
            DEUX => counts[1] += 1,
            MERCI => counts[2] += 1,
            other => panic!("{other} has no probability"),
        }
    }
    for (count, expected) in counts.into_iter().zip([500.0_f32, 300.0, 200.0]) {
        assert!((count as f32 - expected).abs() < 60.0, "{counts:?}");
    }
    let mut cold = 0;
    for _ in 0..1_000 {
        cold += u32::from(draws.draw(logits, &allowed, 0.1) == UN);
    }
    assert!(cold > 980, "near temperature 0 the best is nearly always drawn: {cold}");
}
