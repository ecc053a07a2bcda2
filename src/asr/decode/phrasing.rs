//! Leans a search towards the wording of known sentences: shallow fusion with a trigram model of their tokens.
//!
//! A small acoustic model hears "je voudrais résilier mon forfait" over a telephone as many things that sound alike. What callers
//! of a service say is known: its scenario is full of their sentences. To the log-probability of every token the search adds
//! `weight` times how much likelier (natural logarithm) the token is there in those sentences than a token usually is:
//! above 0 where the sentences go on so, below where they never do. What is said clearly outweighs it.
//!
//! The probability of a token after the two before is that of counts with absolute discounting, interpolated down to
//! single tokens and to any token (Ney, Essen and Kneser 1994, equation 2 with one discount for all). Upper and lower case
//! count as one where both are tokens. A comma changes nothing; figures and other marks neither; the end of a sentence begins a new one.
//!
//! Units: natural logarithms. The model is shared by all hypotheses; what a hypothesis carries is a [`PhrasingState`].

use std::collections::HashMap;

use super::tokens::Vocabulary;

/// What is taken off every count for what was never seen; 0.75 is the usual choice.
const DISCOUNT: f32 = 0.75;
/// How probable (natural logarithm) a token of such a sentence mostly is after the two before: where the weight begins to count
/// for it. A token that only few sentences have there is about as good as none. A round value: of the settings only the weight
/// was chosen by measuring (BENCHMARKS.md).
const USUAL: f32 = -4.0;
/// No token counts as less probable than this: what these sentences do not hold may be said all the same. As round as [`USUAL`].
const LEAST: f32 = -9.0;
/// The start of a sentence, in the place of the tokens before it.
const START: u32 = u32::MAX;

/// How the tokens of known sentences follow each other.
#[derive(Debug, Clone)]
pub struct Phrasing {
    /// What each text token is, by id.
    kinds: Vec<Kind>,
    /// How often each token came after two others, and after one.
    after_two: HashMap<[u32; 3], u32>,
    after_one: HashMap<[u32; 2], u32>,
    alone: HashMap<u32, u32>,
    /// What came after two tokens, and after one.
    pairs: HashMap<[u32; 2], Followed>,
    singles: HashMap<u32, Followed>,
    all: Followed,
    weight: f32,
}

/// What follows some tokens.
#[derive(Debug, Clone, Copy, Default)]
struct Followed {
    times: u32,
    /// By how many different tokens.
    kinds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Part of a word, counted as this token.
    Word(u32),
    /// A comma, a figure: says nothing of what follows.
    Mark,
    /// Ends a sentence.
    Stop,
}

/// Where a hypothesis is: the two tokens before. The default is the start of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhrasingState([u32; 2]);

impl Default for PhrasingState {
    fn default() -> Self {
        Self([START; 2])
    }
}

impl Phrasing {
    /// Counts `sentences`, whose wording is worth `weight` (1 counts as much as what was heard; one that is not finite counts
    /// as 0). Made once for a scenario, not for every segment: it goes through all sentences.
    pub fn new<'s>(
        vocabulary: &Vocabulary,
        sentences: impl IntoIterator<Item = &'s str>,
        weight: f32,
    ) -> Self {
        let mut phrasing = Self {
            kinds: kinds(vocabulary),
            after_two: HashMap::new(),
            after_one: HashMap::new(),
            alone: HashMap::new(),
            pairs: HashMap::new(),
            singles: HashMap::new(),
            all: Followed::default(),
            weight: if weight.is_finite() { weight } else { 0.0 },
        };
        let mut tokens = Tokens { vocabulary, known: HashMap::new() };
        for sentence in sentences {
            phrasing.count(&tokens.of(sentence));
        }
        phrasing
    }

    /// Takes one token: where the hypothesis is then, and by how much its score changes.
    pub fn step(&self, state: PhrasingState, token: u32) -> (PhrasingState, f32) {
        match self.kind(token) {
            Kind::Word(token) => {
                let [before, last] = state.0;
                let likely = self.probability([before, last, token]).ln().max(LEAST);
                (PhrasingState([last, token]), self.weight * (likely - USUAL))
            }
            Kind::Mark => (state, 0.0),
            Kind::Stop => (PhrasingState::default(), 0.0),
        }
    }

    fn count(&mut self, tokens: &[u32]) {
        let mut before = PhrasingState::default().0;
        for token in tokens {
            match self.kind(*token) {
                Kind::Word(token) => {
                    let [second, last] = before;
                    let times = self.after_two.entry([second, last, token]).or_default();
                    *times += 1;
                    self.pairs.entry(before).or_default().add(*times == 1);
                    let times = self.after_one.entry([last, token]).or_default();
                    *times += 1;
                    self.singles.entry(last).or_default().add(*times == 1);
                    let times = self.alone.entry(token).or_default();
                    *times += 1;
                    self.all.add(*times == 1);
                    before = [last, token];
                }
                Kind::Mark => {}
                Kind::Stop => before = PhrasingState::default().0,
            }
        }
    }

    /// Of the last token after the two before.
    fn probability(&self, [before, last, token]: [u32; 3]) -> f32 {
        let any = 1.0 / self.kinds.len().max(1) as f32;
        let alone = self.all.share(self.alone.get(&token), any);
        let after_one = match self.singles.get(&last) {
            Some(followed) => followed.share(self.after_one.get(&[last, token]), alone),
            None => alone,
        };
        match self.pairs.get(&[before, last]) {
            Some(followed) => followed.share(self.after_two.get(&[before, last, token]), after_one),
            None => after_one,
        }
    }

    fn kind(&self, token: u32) -> Kind {
        self.kinds.get(token as usize).copied().unwrap_or(Kind::Stop)
    }
}

impl Followed {
    fn add(&mut self, is_new: bool) {
        self.times += 1;
        self.kinds += u32::from(is_new);
    }

    /// The probability of what came `times` of these times, where `otherwise` is what less context says.
    fn share(self, times: Option<&u32>, otherwise: f32) -> f32 {
        if self.times == 0 {
            return otherwise;
        }
        let seen = times.map_or(0.0, |times| *times as f32 - DISCOUNT);
        (seen + DISCOUNT * self.kinds as f32 * otherwise) / self.times as f32
    }
}

/// The tokens of words, each looked up once: sentences of one scenario have few different ones.
struct Tokens<'a> {
    vocabulary: &'a Vocabulary,
    known: HashMap<String, Vec<u32>>,
}

impl Tokens<'_> {
    fn of(&mut self, sentence: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        for word in sentence.split_whitespace() {
            if let Some(known) = self.known.get(word) {
                tokens.extend(known);
            } else {
                let encoded = self.vocabulary.encode(&format!(" {word}"));
                tokens.extend(&encoded);
                self.known.insert(word.to_owned(), encoded);
            }
        }
        tokens
    }
}

fn kinds(vocabulary: &Vocabulary) -> Vec<Kind> {
    (0..vocabulary.eot()).map(|id| kind(vocabulary, id)).collect()
}

fn kind(vocabulary: &Vocabulary, id: u32) -> Kind {
    let Ok(text) = std::str::from_utf8(vocabulary.bytes(id)) else { return Kind::Word(id) };
    if text.contains(['.', '?', '!', '…']) {
        return Kind::Stop;
    }
    if !text.contains(|sign: char| sign.is_alphabetic() || sign == '\'' || sign == '-') {
        return Kind::Mark;
    }
    Kind::Word(vocabulary.in_lower_case(id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEIGHT: f32 = 0.5;

    fn vocabulary() -> Vocabulary {
        let words = [" je", " Je", " veux", " mon", " forfait", " for", "fait", " fracture", ",", ".", " 12"];
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let beginnings = words.iter().flat_map(|word| (2..word.len()).map(|end| word[..end].to_vec()));
        let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
        Vocabulary::new(words.iter().cloned().chain(beginnings).chain(bytes).collect(), 51_865)
            .expect("a size that models have")
    }

    fn phrasing(vocabulary: &Vocabulary) -> Phrasing {
        let sentences = ["Je veux mon forfait", "je veux mon forfait, je veux", "mon forfait."];
        Phrasing::new(vocabulary, sentences, WEIGHT)
    }

    /// What each token of `text` changes.
    fn changes(text: &str) -> Vec<f32> {
        let vocabulary = vocabulary();
        let phrasing = phrasing(&vocabulary);
        let mut state = PhrasingState::default();
        let step = |token: u32| {
            let change;
            (state, change) = phrasing.step(state, token);
            change
        };
        vocabulary.encode(text).into_iter().map(step).collect()
    }

    #[test]
    fn what_the_sentences_say_is_lifted_and_what_they_never_say_is_not() {
        let [je, veux, mon, forfait] = changes(" je veux mon forfait")[..] else { panic!("four tokens") };
        assert!([je, veux, mon, forfait].iter().all(|change| *change > 0.5 * WEIGHT));
        let [.., fracture] = changes(" je veux mon fracture")[..] else { panic!("tokens") };
        assert!((fracture - WEIGHT * (LEAST - USUAL)).abs() < 1e-5, "{fracture}");
        // Known words in an order that is not: better than unknown ones, worse than the order that is.
        let [.., order] = changes(" forfait veux")[..] else { panic!("tokens") };
        assert!(fracture < order && order < veux, "{fracture} {order} {veux}");
    }

    #[test]
    fn case_marks_and_figures_change_nothing_and_a_stop_begins_anew() {
        assert_eq!(changes(" Je veux"), changes(" je veux"));
        let with_marks = changes(" je, veux 12 mon");
        let without: Vec<f32> = with_marks.iter().copied().filter(|change| *change != 0.0).collect();
        assert_eq!((with_marks.len(), without), (5, changes(" je veux mon")));
        assert_eq!(changes(" forfait. mon")[2], changes(" mon")[0]);
        assert_ne!(changes(" forfait, mon")[2], changes(" mon")[0]);
    }

    #[test]
    fn special_tokens_and_a_model_of_nothing_change_nothing_that_matters() {
        let vocabulary = vocabulary();
        let none = Phrasing::new(&vocabulary, [], WEIGHT);
        let (state, stamp) = none.step(PhrasingState::default(), vocabulary.first_timestamp());
        assert_eq!((state, stamp), (PhrasingState::default(), 0.0));
        let unknown = [0, 1].map(|token| none.step(state, token).1);
        assert_eq!(unknown, [WEIGHT * (LEAST - USUAL); 2]);
        let silent = Phrasing::new(&vocabulary, ["je veux"], f32::NAN);
        assert_eq!(silent.step(PhrasingState::default(), 0).1, 0.0);
    }

    proptest! {
        /// After any tokens the probabilities of all that may follow are those of one choice.
        #[test]
        fn probabilities_add_up_to_one(
            sentences in prop::collection::vec("( je| veux| mon| forfait|,|\\.){0,8}", 0..6),
            before in prop::collection::vec(0_u32..40, 2),
        ) {
            let vocabulary = vocabulary();
            let phrasing = Phrasing::new(&vocabulary, sentences.iter().map(String::as_str), WEIGHT);
            // Fifty thousand small numbers: 32 bits lose a thousandth of their sum.
            let of = |token: u32| f64::from(phrasing.probability([before[0], before[1], token]));
            let sum: f64 = (0..vocabulary.eot()).map(of).sum();
            prop_assert!((sum - 1.0).abs() < 1e-4, "{}", sum);
        }
    }
}
